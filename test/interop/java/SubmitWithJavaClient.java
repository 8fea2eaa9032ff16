import io.signpath.signpathclient.ClientSettings;
import io.signpath.signpathclient.SignPathClient;
import io.signpath.signpathclient.SignPathClientException;
import java.io.File;
import java.util.Map;

/**
 * Signs a file with SignPath's own Java client, as the Jenkins plugin does. Arguments: the base URL
 * that stands in for the client's own, the organization, the project, the signing policy, the
 * file, where the signed one goes, and the file of build settings. The tokens are in
 * SIGNPATH_API_TOKEN and SIGNPATH_TBS_TOKEN.
 *
 * <p>Prints the id of the request, then what the client says of it. Exit status 3 when the client
 * reports that nothing was signed.
 */
class SubmitWithJavaClient {
  public static void main(String[] args) throws Exception {
    String baseUrl = args[0];
    String organizationId = args[1];
    String projectSlug = args[2];
    String signingPolicySlug = args[3];
    File artifact = new File(args[4]);
    File signedArtifact = new File(args[5]);
    String apiToken = System.getenv("SIGNPATH_API_TOKEN");
    String buildSystemToken = System.getenv("SIGNPATH_TBS_TOKEN");
    Map<String, String> origin =
        Map.of(
            "RepositoryData.Url", "https://git.acme.test/app.git",
            "RepositoryData.BranchName", "main",
            "RepositoryData.CommitId", "0123456789abcdef0123456789abcdef01234567",
            "RepositoryData.SourceControlManagementType", "git",
            "BuildData.Url", "https://jenkins.acme.test/job/app/1/",
            "BuildData.BuildSettingsFile", "@" + args[6]);

    SignPathClient client =
        new SignPathClient(baseUrl, System.err, new ClientSettings(30, 30, 60, 1));
    try {
      String id =
          client.submitSigningRequest(
              apiToken,
              buildSystemToken,
              organizationId,
              artifact,
              projectSlug,
              signingPolicySlug,
              "",
              "submitted by the Java client",
              origin);
      System.out.println(id);
      System.out.println(
          client.getSigningRequestWaitForFinalStatus(
              apiToken, buildSystemToken, organizationId, id).getWorkflowStatus());
      client.downloadSignedArtifact(
          apiToken, buildSystemToken, organizationId, id, signedArtifact);
    } catch (SignPathClientException exception) {
      System.out.println(exception.getMessage());
      System.exit(3);
    }
    System.exit(0);
  }
}
