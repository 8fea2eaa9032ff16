import tseslint from 'typescript-eslint'

/** A house ban: the selector, and what to use instead. */
const ban = (selector, message) => ({ selector, message })

const everywhere = [
  ban(
    "CallExpression[callee.object.name='Buffer'][callee.property.name='from'][arguments.1.value=/^(base64|base64url|hex)$/]",
    'Node decodes junk silently: use the strict decoders of format/base64.ts and format/hex.ts.',
  ),
  ban(
    "NewExpression[callee.name='RegExp']:not([arguments.0.type='Literal'])",
    'A regular expression made from data is an attack surface: use format/ or policy/ patterns.',
  ),
  ban(
    "CallExpression[callee.object.name='process'][callee.property.name='exit']",
    'Set process.exitCode and return: process.exit loses output.',
  ),
]
const jsonParse = ban(
  "CallExpression[callee.object.name='JSON'][callee.property.name='parse']",
  'JSON.parse keeps the last of two equal keys: use parseJson of format/json.ts.',
)
const environment = ban(
  "MemberExpression[object.name='process'][property.name='env']",
  'The environment is read in config/ only.',
)
const console_ = ban(
  "MemberExpression[object.name='console']",
  'Write through cli/output.ts or http/log.ts.',
)
const clock = [
  ban(
    "CallExpression[callee.object.name='Date'][callee.property.name='now']",
    'No clock below L3: take the time as an argument.',
  ),
  ban(
    "NewExpression[callee.name='Date'][arguments.length=0]",
    'No clock below L3: take the time as an argument.',
  ),
]

export default tseslint.config(
  { ignores: ['node_modules', 'dist', 'data', 'test/vectors'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['it', 'test', 'describe', 'suite'], package: 'node:test' },
          ],
        },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: true },
      ],
      // Rows of a query have the type that the SQL text gives them: only the caller knows it.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      eqeqeq: 'error',
      'no-restricted-syntax': ['error', ...everywhere, jsonParse, environment, console_],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['src/{errors,format,crypto,x509,policy}/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...everywhere, jsonParse, environment, console_, ...clock],
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: [
                'node:fs',
                'node:fs/*',
                'node:net',
                'node:http',
                'node:https',
                'node:child_process',
              ],
              message: 'No I/O below L2.',
            },
          ],
        },
      ],
    },
  },
  { files: ['src/format/{base64,hex,json}.ts'], rules: { 'no-restricted-syntax': 'off' } },
  {
    files: ['src/config/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', ...everywhere, jsonParse, console_] },
  },
  {
    files: ['test/**/*.ts', 'tools/**/*.ts', 'bench/**/*.ts', 'demo/**/*.ts', '**/*.test.ts'],
    rules: {
      'no-restricted-syntax': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
)
