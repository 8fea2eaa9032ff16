import type { DesiredProject, DesiredState } from '../../config/chancery-yaml.ts'
import { ChanceryError } from '../../errors/chancery-error.ts'
import { parseArtifactConfiguration } from '../../policy/artifact-configuration.ts'
import { parseImagePattern } from '../../policy/image-identity.ts'
import { getTemplate } from '../../policy/templates.ts'

/**
 * Checks before the first change what the server would refuse in the middle: artifact configurations, templates and
 * image patterns.
 *
 * @throws ChanceryError ERR_POLICY_CONFIGURATION, ERR_POLICY_TEMPLATE, ERR_POLICY_IMAGE_PATTERN; the message says where.
 */
export function checkDesired(desired: DesiredState): void {
  for (const project of desired.projects) {
    checkConfigurations(project)
    checkImages(project)
  }
}

function checkConfigurations({ slug, artifactConfigurations }: DesiredProject): void {
  for (const { slug: configuration, content } of artifactConfigurations) {
    at(`artifact configuration ${slug}/${configuration}`, () => {
      if (content.kind === 'xml') parseArtifactConfiguration(content.xml)
      if (content.kind === 'template') getTemplate(content.template)
    })
  }
}

function checkImages({ slug, signingPolicies }: DesiredProject): void {
  for (const { slug: policy, allowedImages = [] } of signingPolicies) {
    at(`signing policy ${slug}/${policy}`, () => {
      for (const pattern of allowedImages) parseImagePattern(pattern)
    })
  }
}

function at(where: string, check: () => void): void {
  try {
    check()
  } catch (thrown) {
    if (!(thrown instanceof ChanceryError)) throw thrown
    throw new ChanceryError(thrown.code, `${where}: ${thrown.message}`, {
      cause: thrown,
      hints: thrown.hints,
      ...(thrown.field === undefined ? {} : { field: thrown.field }),
    })
  }
}
