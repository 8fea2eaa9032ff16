import { buildCommand, buildRouteMap } from '@stricli/core'
import { SIGNATURE_FORMATS } from '../../policy/signature-format.ts'
import {
  argument,
  explain,
  requiredText,
  SERVER_FLAGS,
  text,
  texts,
  wholeNumber,
} from '../flags.ts'

const PROJECT = { kind: 'tuple', parameters: [argument('Slug or id', 'PROJECT')] } as const
const IN_PROJECT = {
  kind: 'tuple',
  parameters: [argument('Slug or id of the project', 'PROJECT'), argument('Slug or id', 'SLUG')],
} as const

const list = buildCommand({
  loader: async () => (await import('../commands/projects.ts')).listProjects,
  parameters: { flags: SERVER_FLAGS },
  docs: explain('List the projects', 'Lists the projects you may see.', 'chancery projects list'),
})

const show = buildCommand({
  loader: async () => (await import('../commands/projects.ts')).showProject,
  parameters: { flags: SERVER_FLAGS, positional: PROJECT },
  docs: explain('Show a project', 'Shows a project.', 'chancery projects show demo-app --json'),
})

const create = buildCommand({
  loader: async () => (await import('../commands/projects.ts')).createProject,
  parameters: {
    flags: {
      ...SERVER_FLAGS,
      name: text('Display name; the slug where absent'),
      description: text('What is built there'),
      repositoryUrl: texts('Source repository; may be given several times', 'URL'),
    },
    positional: { kind: 'tuple', parameters: [argument('Slug', 'SLUG')] },
  },
  docs: explain(
    'Create a project',
    'A new project has the artifact configuration `initial`, which signs every metadata file of a ZIP.',
    'chancery projects create demo-app --name "Demo app"',
  ),
})

const activate = buildCommand({
  loader: async () => (await import('../commands/projects.ts')).activateProject,
  parameters: { flags: SERVER_FLAGS, positional: PROJECT },
  docs: explain(
    'Activate a project again',
    'Its policies sign again.',
    'chancery projects activate demo-app',
  ),
})

const deactivate = buildCommand({
  loader: async () => (await import('../commands/projects.ts')).deactivateProject,
  parameters: { flags: SERVER_FLAGS, positional: PROJECT },
  docs: explain(
    'Deactivate a project',
    'Nothing of it is signed until it is activated again.',
    'chancery projects deactivate demo-app',
  ),
})

const projects = buildRouteMap({
  routes: { list, show, create, activate, deactivate },
  docs: explain('Projects', 'What is built and signed.', 'chancery projects list'),
})

const listConfigurations = buildCommand({
  loader: async () => (await import('../commands/projects.ts')).listConfigurations,
  parameters: { flags: SERVER_FLAGS, positional: PROJECT },
  docs: explain(
    'List the artifact configurations of a project',
    'Lists how the artifacts of a project may look.',
    'chancery configurations list demo-app',
  ),
})

const showConfiguration = buildCommand({
  loader: async () => (await import('../commands/projects.ts')).showConfiguration,
  parameters: { flags: SERVER_FLAGS, positional: IN_PROJECT },
  docs: explain(
    'Print the XML of an artifact configuration',
    'Prints the XML exactly as it was given.',
    'chancery configurations show demo-app initial > initial.xml',
  ),
})

const createConfiguration = buildCommand({
  loader: async () => (await import('../commands/projects.ts')).createConfiguration,
  parameters: {
    flags: {
      ...SERVER_FLAGS,
      name: text('Display name; the slug where absent'),
      file: text('The XML', 'FILE'),
      template: text('A predefined one instead: detached-raw-signatures', 'NAME'),
    },
    aliases: { f: 'file' },
    positional: IN_PROJECT,
  },
  docs: explain(
    'Create an artifact configuration',
    'Says how an artifact looks and what is signed in it, in XML or by a template.',
    'chancery configurations create demo-app images --template detached-raw-signatures',
    'chancery configurations create demo-app images -f images.xml',
  ),
})

const updateConfiguration = buildCommand({
  loader: async () => (await import('../commands/projects.ts')).updateConfiguration,
  parameters: {
    flags: { ...SERVER_FLAGS, file: requiredText('The XML', 'FILE') },
    aliases: { f: 'file' },
    positional: IN_PROJECT,
  },
  docs: explain(
    'Replace the XML of an artifact configuration',
    'Makes a new version; requests name the version that decided them.',
    'chancery configurations update demo-app images -f images.xml',
  ),
})

const setDefaultConfiguration = buildCommand({
  loader: async () => (await import('../commands/projects.ts')).setDefaultConfiguration,
  parameters: { flags: SERVER_FLAGS, positional: IN_PROJECT },
  docs: explain(
    'Make an artifact configuration the default of its project',
    'Requests that name none use the default.',
    'chancery configurations set-default demo-app images',
  ),
})

const configurations = buildRouteMap({
  routes: {
    list: listConfigurations,
    show: showConfiguration,
    create: createConfiguration,
    update: updateConfiguration,
    setDefault: setDefaultConfiguration,
  },
  docs: explain(
    'Artifact configurations',
    'How the artifacts of a project look and what is signed in them.',
    'chancery configurations list demo-app',
  ),
})

const POLICY_FLAGS = {
  ...SERVER_FLAGS,
  name: text('Display name'),
  submitter: texts('User that may submit; may be given several times', 'USER'),
  submitterGroup: texts('Group that may submit', 'GROUP'),
  approver: texts('User that may approve; may be given several times', 'USER'),
  approverGroup: texts('Group that may approve', 'GROUP'),
  requiredApprovals: wholeNumber('How many have to approve; 0 signs at once', 0),
  allowedImage: texts('Image that may be named; * within a path segment, ** across', 'PATTERN'),
  signatureFormat: {
    kind: 'enum',
    values: SIGNATURE_FORMATS,
    optional: true,
    variadic: true,
    brief: 'How images are signed; may be given twice; both where never given',
  },
  allowedPredicateType: texts('Predicate type of attestations that are signed', 'URI'),
  allowOtherFiles: {
    kind: 'boolean',
    optional: true,
    brief: 'Sign files that are neither metadata nor statements',
  },
  allowHashSigning: {
    kind: 'boolean',
    optional: true,
    brief: 'Sign bare hashes, which cannot be examined',
  },
} as const

const listPolicies = buildCommand({
  loader: async () => (await import('../commands/policies.ts')).listPolicies,
  parameters: { flags: SERVER_FLAGS, positional: PROJECT },
  docs: explain(
    'List the signing policies of a project',
    'Lists who may have what signed.',
    'chancery policies list demo-app',
  ),
})

const showPolicy = buildCommand({
  loader: async () => (await import('../commands/policies.ts')).showPolicy,
  parameters: { flags: SERVER_FLAGS, positional: IN_PROJECT },
  docs: explain(
    'Show a signing policy',
    'Shows certificate, approvals and allowed images.',
    'chancery policies show demo-app release-signing',
  ),
})

const createPolicy = buildCommand({
  loader: async () => (await import('../commands/policies.ts')).createPolicy,
  parameters: {
    flags: { ...POLICY_FLAGS, certificate: requiredText('Certificate that signs', 'SLUG') },
    positional: IN_PROJECT,
  },
  docs: explain(
    'Create a signing policy',
    'Without --allowed-image it signs nothing yet.',
    'chancery policies create demo-app test-signing --certificate test --submitter ci --allowed-image "registry.example.com/**"',
  ),
})

const editPolicy = buildCommand({
  loader: async () => (await import('../commands/policies.ts')).editPolicy,
  parameters: {
    flags: { ...POLICY_FLAGS, certificate: text('Certificate that signs', 'SLUG') },
    positional: IN_PROJECT,
  },
  docs: explain(
    'Change a signing policy',
    `Changes what is given; a list that is given replaces the whole list: users and groups together.`,
    'chancery policies edit demo-app release-signing --required-approvals 2',
  ),
})

const activatePolicy = buildCommand({
  loader: async () => (await import('../commands/policies.ts')).activatePolicy,
  parameters: { flags: SERVER_FLAGS, positional: IN_PROJECT },
  docs: explain(
    'Activate a signing policy again',
    'It signs again.',
    'chancery policies activate demo-app release-signing',
  ),
})

const deactivatePolicy = buildCommand({
  loader: async () => (await import('../commands/policies.ts')).deactivatePolicy,
  parameters: { flags: SERVER_FLAGS, positional: IN_PROJECT },
  docs: explain(
    'Deactivate a signing policy',
    'It signs nothing until it is activated again.',
    'chancery policies deactivate demo-app release-signing',
  ),
})

const policies = buildRouteMap({
  routes: {
    list: listPolicies,
    show: showPolicy,
    create: createPolicy,
    edit: editPolicy,
    activate: activatePolicy,
    deactivate: deactivatePolicy,
  },
  docs: explain(
    'Signing policies',
    'Who may have what signed with which certificate, and who has to agree.',
    'chancery policies list demo-app',
  ),
})

/** What is signed, and under which rules. */
export const projectRoutes = { projects, configurations, policies }
