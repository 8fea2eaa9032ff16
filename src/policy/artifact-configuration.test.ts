import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ChanceryError } from '../errors/chancery-error.ts'
import { parseArtifactConfiguration } from './artifact-configuration.ts'
import { UNSUPPORTED_ELEMENTS } from './configuration-language.ts'
import { MAX_DEPTH, MAX_ELEMENTS, MAX_XML_BYTES } from './configuration-xml.ts'
import { TEMPLATES, getTemplate } from './templates.ts'

const NAMESPACE = 'xmlns="http://signpath.io/artifact-configuration/v1"'
const SIGN = '<create-raw-signature output-file-name="${file.name}.sig" hash-algorithm="sha256"/>'

/** One element a line, so that positions are easy to see: line 1 is the envelope, line 2 the body. */
function configuration(body: string): string {
  return `<artifact-configuration ${NAMESPACE}>\n${body}\n</artifact-configuration>`
}

function zip(body: string): string {
  return configuration(`<zip-file>\n${body}\n</zip-file>`)
}

function refused(xml: string): ChanceryError {
  try {
    parseArtifactConfiguration(xml)
  } catch (error) {
    assert.ok(error instanceof ChanceryError, String(error))
    assert.equal(error.code, 'ERR_POLICY_CONFIGURATION')
    assert.match(error.message, /^line \d+, column \d+:/)
    return error
  }
  assert.fail('expected the configuration to be refused')
}

describe('artifact configuration: what is read', () => {
  it("SignPath's canonical configuration for Cosign metadata", () => {
    const model = parseArtifactConfiguration(`<?xml version="1.0" encoding="utf-8" ?>
<artifact-configuration xmlns="http://signpath.io/artifact-configuration/v1">
  <zip-file>
    <file path="payload.json">
      <create-raw-signature output-file-name="\${file.name}.sig" hash-algorithm="sha256" rsa-padding="pkcs1" />
    </file>
  </zip-file>
</artifact-configuration>`)
    assert.deepEqual(model.parameters, [])
    const [file] = model.root.contents
    assert.ok(file?.kind === 'file')
    const [inclusion] = file.inclusions
    assert.ok(inclusion && 'value' in inclusion.path)
    assert.equal(inclusion.path.value.text, 'payload.json')
    assert.deepEqual(inclusion.minMatches, { value: 1 })
    assert.deepEqual(inclusion.maxMatches, { value: 1 })
    assert.deepEqual(inclusion.place, { name: 'file', line: 4, column: 5 })
    assert.deepEqual(file.directives, [
      {
        place: { name: 'create-raw-signature', line: 5, column: 7 },
        outputFileName: { template: [{ parameter: 'file.name' }, '.sig'] },
        hashAlgorithm: { value: 'sha256' },
        rsaPadding: { value: 'pkcs1' },
      },
    ])
  })

  it('parameters, with and without default values', () => {
    const model = parseArtifactConfiguration(
      configuration(`<parameters>
        <parameter name="version" default-value="1.0.0" required="true" />
        <parameter name="Release.Notes_x-1" />
      </parameters>
      <zip-file path="\${version}.zip"><file path="\${version}/*.json">
        <create-raw-signature output-file-name="\${file.name}-\${version}" hash-algorithm="\${version}" rsa-padding="\${version}"/>
      </file></zip-file>`),
    )
    assert.deepEqual(model.parameters, [
      { name: 'version', defaultValue: '1.0.0', isRequired: true },
      { name: 'Release.Notes_x-1', defaultValue: '', isRequired: false },
    ])
    assert.deepEqual(model.root.path, { template: [{ parameter: 'version' }, '.zip'] })
  })

  it('sets: attributes of the include win over those of the set', () => {
    const model = parseArtifactConfiguration(
      zip(`<file-set min-matches="0" max-matches="unbounded">
        <include path="*.json"/><include path="x" min-matches="2" max-matches="3"/>
        <for-each>${SIGN}</for-each></file-set>`),
    )
    const [set] = model.root.contents
    assert.deepEqual(
      set?.inclusions.map(({ minMatches, maxMatches }) => [minMatches, maxMatches]),
      [
        [{ value: 0 }, { value: Infinity }],
        [{ value: 2 }, { value: 3 }],
      ],
    )
  })

  it('directories, directory sets, a set without for-each, comments, a prefix, editor attributes', () => {
    const model = parseArtifactConfiguration(`\uFEFF<!-- c -->
<a:artifact-configuration xmlns:a="http://signpath.io/artifact-configuration/v1"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="http://signpath.io/artifact-configuration/v1 https://app.signpath.io/Web/artifact-configuration/v1.xsd">
  <a:zip-file ui-multifile-upload="on">
    <a:directory path="."><a:directory path="a&#47;b"><!-- c --></a:directory></a:directory>
    <a:directory-set><a:include path="x" /><a:for-each>
      <a:file path="y">${SIGN.replace('<', '<a:')}</a:file>
    </a:for-each></a:directory-set>
    <a:file-set><a:include path="z" min-matches="0"/></a:file-set>
  </a:zip-file>
</a:artifact-configuration>`)
    assert.deepEqual(
      model.root.contents.map((element) => element.kind),
      ['directory', 'directory', 'file'],
    )
  })

  it('every hash algorithm and padding', () => {
    for (const hash of ['sha256', 'sha384', 'sha512']) {
      for (const padding of ['pkcs1', 'pss']) {
        const sign = `<create-raw-signature output-file-name="x" hash-algorithm="${hash}" rsa-padding="${padding}"/>`
        const [file] = parseArtifactConfiguration(zip(`<file path="y">${sign}</file>`)).root
          .contents
        assert.ok(file?.kind === 'file')
        const [directive] = file.directives
        assert.deepEqual(
          [directive?.hashAlgorithm, directive?.rsaPadding],
          [{ value: hash }, { value: padding }],
        )
      }
    }
  })

  it('an XML declaration with and without an encoding', () => {
    for (const declaration of ['', ' encoding="UTF-8"', " encoding='utf-8'"]) {
      const xml = `<?xml version="1.0"${declaration}?>${zip(`<file path="x">${SIGN}</file>`)}`
      assert.equal(parseArtifactConfiguration(xml).root.contents.length, 1)
    }
  })

  it('a dollar sign without a brace is text', () => {
    const model = parseArtifactConfiguration(
      zip(
        '<file path="a$b$"><create-raw-signature output-file-name="$}.sig" hash-algorithm="sha512"/></file>',
      ),
    )
    const [file] = model.root.contents
    assert.ok(file?.kind === 'file')
    assert.deepEqual(file.directives[0]?.outputFileName, { value: '$}.sig' })
  })
})

describe('artifact configuration: templates', () => {
  for (const { template, xml } of TEMPLATES) {
    it(`${template} is an artifact configuration`, () => {
      assert.equal(parseArtifactConfiguration(xml).root.contents.length, 1)
      assert.equal(getTemplate(template).xml, xml)
    })
  }

  it('an unknown template is missing', () => {
    assert.throws(() => getTemplate('docker'), { code: 'ERR_POLICY_TEMPLATE' })
  })
})

describe('artifact configuration: what SignPath has and Chancery does not', () => {
  it('every element is refused by name, wherever it stands', () => {
    for (const name of UNSUPPORTED_ELEMENTS) {
      const expected = `<${name}>: SignPath has <${name}>, Chancery does not (yet)`
      assert.ok(refused(configuration(`<${name}/>`)).message.includes(expected))
      assert.ok(refused(zip(`<${name} tag="latest"/>`)).message.includes(expected))
      assert.ok(refused(zip(`<file path="x"><${name}/></file>`)).message.includes(expected))
      assert.ok(
        refused(zip(`<directory path="x"><${name}/></directory>`)).message.includes(expected),
      )
    }
  })

  it('the list covers the directives and files of the documentation', () => {
    for (const name of [
      'authenticode-sign',
      'authenticode-verify',
      'cosign-sign',
      'notation-sign',
      'dsse-sign',
      'smime-sign',
      'create-cms-signature',
      'create-gpg-signature',
      'xml-sign',
      'jsf-sign',
      'jar-sign',
      'create-provenance-file',
      'include-in-provenance',
      'custom-sign',
      'create-custom-signature',
      'clickonce-sign',
      'oci-image-layout-archive-file',
      'jar-file',
      'jar-file-set',
      'pe-file',
      'pe-file-set',
      'nupkg-file',
      'rpm-file',
    ]) {
      assert.ok(UNSUPPORTED_ELEMENTS.has(name), name)
    }
  })

  it('nested ZIP files are refused with a way out', () => {
    for (const name of ['zip-file', 'zip-file-set']) {
      const error = refused(zip(`<${name} path="inner.zip"/>`))
      assert.match(
        error.message,
        /line 3, column 1: <zip-file(-set)?>: SignPath signs inside nested ZIP files/,
      )
      assert.match(error.hints.join(), /name it in a <file>/)
    }
  })
})

describe('artifact configuration: what is refused', () => {
  /** body of the zip-file (starting in line 3), what the message says */
  const bodies: readonly (readonly [string, RegExp])[] = [
    [
      '<fil path="x"/>',
      /^line 3, column 1: <fil>: unknown element in <zip-file>; expected: <file>/,
    ],
    ['<file/>', /^line 3, column 1: <file>: expected the attribute path/],
    [
      '  <file path="x" pth="y"/>',
      /^line 3, column 3: <file>: unknown attribute pth; expected: path, min/,
    ],
    ['<include path="x"/>', /<include>: not allowed in <zip-file>; expected: <file>, <directory>/],
    ['<for-each/>', /<for-each>: not allowed in <zip-file>/],
    ['<parameters/>', /<parameters>: not allowed in <zip-file>/],
    [SIGN, /<create-raw-signature>: expected in <file>.* inside <zip-file>; found in <zip-file>/],
    [`<directory path="x">${SIGN}</directory>`, /expected in <file>.*; found in <directory>/],
    [
      `<file path="x"><file path="y"/></file>`,
      /<file>: not allowed in <file>; expected: <create-raw-signature>/,
    ],
    [`<file path="x"/>`, /<zip-file>: expected a <create-raw-signature>: nothing would be signed/],
    ['', /nothing would be signed/],
    [`<file-set>${SIGN}</file-set>`, /found in <file-set>/],
    [
      `<file-set><for-each>${SIGN}</for-each></file-set>`,
      /<file-set>: expected at least one <include>/,
    ],
    [
      `<file-set path="x"><include path="x"/></file-set>`,
      /<file-set>: unknown attribute path; expected: min/,
    ],
    [
      `<file-set><include path="x"/><for-each/><for-each/></file-set>`,
      /expected <for-each> once, at the end/,
    ],
    [`<file-set><for-each/><include path="x"/></file-set>`, /expected <for-each> once, at the end/],
    [`<file-set><include path="x">${SIGN}</include></file-set>`, /found in <include>/],
    ['<file path=""/>', /path="": expected a relative path without empty segments/],
    ['<file path="/etc/passwd"/>', /expected a relative path/],
    ['<file path="a/../b"/>', /expected no "\." and "\.\." segments/],
    ['<file path="a\\..\\b"/>', /expected no "\." and "\.\." segments/],
    ['<file path="a**"/>', /expected "\*\*" to be a whole segment/],
    ['<file path="."/>', /expected the path of a file; "\." is the container itself/],
    ['<file path="x" min-matches="-1"/>', /min-matches="-1": expected a whole number/],
    [
      '<file path="x" min-matches="unbounded"/>',
      /min-matches="unbounded": expected a whole number/,
    ],
    [
      '<file path="x" max-matches="1e9"/>',
      /max-matches="1e9": expected a whole number or unbounded/,
    ],
    [
      '<file path="x" min-matches="2"/>',
      /expected max-matches of at least 1 and min-matches \(2\), found 1/,
    ],
    ['<file path="x" min-matches="0" max-matches="0"/>', /found 0/],
    ['<file path="${x}"/>', /expected a declared parameter in \$\{x\}; declared are: none/],
    ['<file path="${file.name}"/>', /expected no \$\{file\.name\}: there is no file yet/],
    ['<file path="${x"/>', /expected "\$\{" to be followed by a parameter name and "\}"/],
    ['<file path="${}"/>', /followed by a parameter name/],
    ['<file path="${file.name}${"/>', /followed by a parameter name/],
    ['<file path="../${file.name}"/>', /expected no \$\{file\.name\}/],
    ['<zip-filex/>', /<zip-filex>: unknown element in <zip-file>/],
    [
      '<file-set><include path="x"><file path="y"/></include></file-set>',
      /<file>: not allowed in <include>; expected: no elements/,
    ],
    [
      '<file-set><file path="y"/></file-set>',
      /<file>: not allowed in <file-set>; expected: <include>, <for-each>/,
    ],
    [
      '<file-set><include path="x" max="1"/></file-set>',
      /<include>: unknown attribute max; expected: path, min-matches, max-matches/,
    ],
    [
      '<file-set><include path="x"/><for-each max="1"/></file-set>',
      /<for-each>: unknown attribute max; expected: none/,
    ],
    [
      '<directory path="x" max="1"/>',
      /<directory>: unknown attribute max; expected: path, min-matches, max-matches/,
    ],
    [
      `<file path="x">${SIGN.replace('/>', '><file path="y"/></create-raw-signature>')}</file>`,
      /<file>: not allowed in <create-raw-signature>; expected: no elements/,
    ],
    ['<directory-set/>', /<directory-set>: expected at least one <include>/],
    ['<parameter/>', /<parameter>: not allowed in <zip-file>/],
    ['<artifact-configuration/>', /<artifact-configuration>: not allowed in <zip-file>/],
    ['<file path="x"><directory path="y"/></file>', /<directory>: not allowed in <file>/],
    ['<file path="x"><directory-set/></file>', /<directory-set>: not allowed in <file>/],
    ['<file path="x"><file-set/></file>', /<file-set>: not allowed in <file>/],
    ['<file path="${a b}"/>', /followed by a parameter name/],
    ['text', /^line 4, column 2: expected elements, found the text 'text'/],
  ]
  for (const [body, message] of bodies) {
    it(body || 'an empty zip-file', () => assert.match(refused(zip(body)).message, message))
  }

  /** attributes of create-raw-signature, what the message says */
  const directives: readonly (readonly [string, RegExp])[] = [
    ['', /<create-raw-signature>: expected the attribute output-file-name/],
    ['output-file-name="x"', /expected the attribute hash-algorithm/],
    [
      'output-file-name="x" hash-algorithm="sha1"',
      /hash-algorithm="sha1": expected sha256, sha384 or sha512/,
    ],
    ['output-file-name="x" hash-algorithm="SHA256"', /expected sha256, sha384 or sha512/],
    ['output-file-name="x" hash-algorithm="sha256" rsa-padding="oaep"', /expected pkcs1 or pss/],
    ['output-file-name="a/b" hash-algorithm="sha256"', /expected a file name/],
    ['output-file-name="..\\${file.name}" hash-algorithm="sha256"', /expected a file name/],
    ['output-file-name=".." hash-algorithm="sha256"', /expected a file name/],
    ['output-file-name="." hash-algorithm="sha256"', /expected a file name/],
    ['output-file-name="a&#9;b" hash-algorithm="sha256"', /expected a file name/],
    ['output-file-name="" hash-algorithm="sha256"', /expected a file name of 1 to 260 characters/],
    ['output-file-name="${nme}" hash-algorithm="sha256"', /declared are: file\.name/],
    [
      'file-name="x" hash-algorithm="sha256"',
      /unknown attribute file-name; expected output-file-name/,
    ],
    [
      'output-file-name="x" hash-algorithm="sha256" output="y"',
      /unknown attribute output; expected: output-file-name/,
    ],
  ]
  for (const [attributes, message] of directives) {
    it(`create-raw-signature ${attributes}`, () => {
      const xml = zip(`<file path="x">\n   <create-raw-signature ${attributes}/>\n</file>`)
      const error = refused(xml)
      assert.match(error.message, message)
      assert.match(error.message, /^line 4, column 4: <create-raw-signature>: /)
    })
  }

  it('the legacy attribute file-name is refused with the fix', () => {
    const xml = zip(
      `<file path="x"><create-raw-signature file-name="x" hash-algorithm="sha256"/></file>`,
    )
    assert.match(refused(xml).hints.join(), /rename file-name to output-file-name/)
  })

  /** an element of a zip-file that is none, what it may have been meant to be */
  const misspelt: readonly (readonly [string, string | undefined])[] = [
    ['FILE', 'file or file-set'],
    ['fi', 'file'],
    ['filxxx', undefined],
    ['fixx', 'file'],
    ['fxxx', undefined],
    ['f', undefined],
    ['file-sets-of-mine', 'file or file-set'],
    ['directori', 'directory'],
    ['directory-sett', 'directory or directory-set'],
    ['includ', undefined],
  ]
  for (const [name, meant] of misspelt) {
    it(`<${name}> ${meant === undefined ? 'is like nothing' : `may be ${meant}`}`, () => {
      const expected = meant === undefined ? [] : [`did you mean ${meant}?`]
      assert.deepEqual(refused(zip(`<${name}/>`)).hints, expected)
    })
  }

  it('a misspelt name where nothing may stand gets suggestions from everywhere', () => {
    const xml = zip('<file-set><include path="x"><includ/></include></file-set>')
    assert.deepEqual(refused(xml).hints, ['did you mean include?'])
  })

  it('misspelt names get suggestions', () => {
    assert.deepEqual(refused(zip('<fil path="x"/>')).hints, ['did you mean file or file-set?'])
    assert.deepEqual(refused(zip('<file pth="x"/>')).hints, ['did you mean path?'])
    assert.match(refused(configuration('<zipfile/>')).hints.join(), /did you mean zip-file\?/)
  })

  /** the whole envelope, what the message says */
  const envelopes: readonly (readonly [string, string, RegExp])[] = [
    ['nothing', '', /^line 1, column 1: .*root element/],
    ['no XML', 'payload', /text data outside of root node/],
    [
      'another root',
      `<zip-file ${NAMESPACE}/>`,
      /<zip-file>: expected the root element artifact-configuration/,
    ],
    [
      'no namespace',
      '<artifact-configuration/>',
      /expected the namespace .*v1, found no namespace/,
    ],
    [
      'another namespace',
      '<artifact-configuration xmlns="http://signpath.io/artifact-configuration/v2"/>',
      /found the namespace http:\/\/signpath.io\/artifact-configuration\/v2/,
    ],
    [
      'an element of another namespace',
      configuration('<zip-file xmlns="x"/>'),
      /<zip-file>: expected the namespace/,
    ],
    [
      'an attribute of another namespace',
      configuration('<zip-file xmlns:x="x" x:path="y"/>'),
      /unknown attribute x:path/,
    ],
    [
      'an attribute of the envelope',
      `<artifact-configuration ${NAMESPACE} version="1"/>`,
      /unknown attribute version; expected: none/,
    ],
    ['no file element', configuration(''), /expected one file element, <zip-file>, found none/],
    ['parameters only', configuration('<parameters/>'), /expected one file element/],
    [
      'two file elements',
      configuration('<zip-file/>\n<zip-file/>'),
      /^line 3, column 1: <zip-file>: expected exactly one file element/,
    ],
    [
      'parameters behind',
      configuration('<zip-file/>\n<parameters/>'),
      /^line 3, column 1: <parameters>: expected the parameters before/,
    ],
    [
      'a file as the root',
      configuration(`<file path="x">${SIGN}</file>`),
      /<file>: expected <zip-file> as the file element/,
    ],
    [
      'a set as the root',
      configuration('<file-set/>'),
      /<file-set>: not allowed in <artifact-configuration>; expected: <zip-file>/,
    ],
    [
      'a directory in the root path',
      configuration('<zip-file path="a/b.zip"/>'),
      /expected a file name without directories/,
    ],
    [
      'any directory in the root path',
      configuration('<zip-file path="**"/>'),
      /expected a file name without directories/,
    ],
    [
      'two root elements',
      `${zip('')}<x/>`,
      /expected well-formed XML: documents may contain only one root/,
    ],
    [
      'an open element',
      `<artifact-configuration ${NAMESPACE}>`,
      /expected well-formed XML: unclosed tag: artifact-configuration/,
    ],
    [
      'crossed elements',
      configuration('<zip-file><file path="x"></zip-file></file>'),
      /expected well-formed XML: unexpected close tag/,
    ],
    [
      'a duplicate attribute',
      configuration('<zip-file path="x" path="y"/>'),
      /duplicate attribute: path/,
    ],
    ['a document type', `<!DOCTYPE x>${zip('')}`, /a document type \(DTD\) is not allowed/],
    [
      'an external entity',
      `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>${zip('&e;')}`,
      /a document type \(DTD\) is not allowed/,
    ],
    [
      'an undefined entity',
      zip('<file path="&e;"/>'),
      /expected well-formed XML: undefined entity/,
    ],
    ['an entity from the prototype', zip('<file path="&constructor;"/>'), /undefined entity/],
    ['a NUL character reference', zip('<file path="&#0;"/>'), /malformed character entity/],
    [
      'a processing instruction',
      `<?xml-stylesheet href="x"?>${zip('')}`,
      /a processing instruction is not allowed/,
    ],
    [
      'a processing instruction within',
      zip('<?php x ?>'),
      /a processing instruction is not allowed/,
    ],
    ['a CDATA section', zip('<![CDATA[x]]>'), /found a CDATA section/],
    ['XML 1.1', `<?xml version="1.1"?>${zip('')}`, /expected XML version 1\.0/],
    [
      'another encoding',
      `<?xml version="1.0" encoding="utf-16"?>${zip('')}`,
      /expected the encoding utf-8/,
    ],
    [
      'an encoding that begins like ours',
      `<?xml version="1.0" encoding="utf-8x"?>${zip('')}`,
      /expected the encoding utf-8/,
    ],
    [
      'an encoding that ends like ours',
      `<?xml version="1.0" encoding="x-utf-8"?>${zip('')}`,
      /expected the encoding utf-8/,
    ],
  ]
  for (const [name, xml, message] of envelopes) {
    it(name, () => assert.match(refused(xml).message, message))
  }

  /** attributes of parameter, what the message says */
  const parameters: readonly (readonly [string, RegExp])[] = [
    ['', /<parameter>: expected the attribute name/],
    [
      'name="a"><file path="x"/></parameter><parameter name="b"',
      /<file>: not allowed in <parameter>/,
    ],
    ['name="a b"', /name="a b": expected 1 to 100 ASCII letters/],
    ['name="é"', /expected 1 to 100 ASCII letters/],
    ['name="file.name"', /expected another name/],
    ['name="a" default-value=" x"', /default-value: expected no white space around/],
    ['name="a" default-value="${b}"', /default-value: expected a value without references/],
    ['name="a" required="yes"', /required="yes": expected true or false/],
    ['name="a" default="x"', /unknown attribute default; expected: name, default-value, required/],
  ]
  for (const [attributes, message] of parameters) {
    it(`parameter ${attributes}`, () => {
      const xml = configuration(`<parameters><parameter ${attributes}/></parameters><zip-file/>`)
      assert.match(refused(xml).message, message)
    })
  }

  it('a pattern that no value could mend', () => {
    for (const [path, message] of [
      ['${v}/../x', /expected no "\." and "\.\." segments/],
      ['/${v}', /expected a relative path/],
    ] as const) {
      const body = `<parameters><parameter name="v"/></parameters><zip-file><file path="${path}">${SIGN}</file></zip-file>`
      assert.match(refused(configuration(body)).message, message)
    }
  })

  it('anything but parameters among the parameters', () => {
    const xml = (parameters: string): string => configuration(`${parameters}<zip-file/>`)
    assert.match(
      refused(xml('<parameters><file path="x"/></parameters>')).message,
      /<file>: not allowed in <parameters>; expected: <parameter>/,
    )
    assert.match(
      refused(xml('<parameters count="1"/>')).message,
      /<parameters>: unknown attribute count; expected: none/,
    )
  })

  it('two parameters of one name', () => {
    const xml = configuration('<parameters><parameter name="a"/><parameter name="a"/></parameters>')
    assert.match(refused(xml).message, /two parameters with the name a/)
  })

  it('a reference inside of a set of characters, where a value could make a range', () => {
    for (const path of ['[${v}]', '[a-${v}]', 'x[!${v}', '[${v}${v}]', '[]${v}]', '[!]${v}]']) {
      const body = `<parameters><parameter name="v"/></parameters><zip-file><file path="${path}">${SIGN}</file></zip-file>`
      const message = refused(configuration(body)).message
      assert.match(message, /expected no reference inside "\[…\]"/, path)
    }
    for (const path of ['[a]${v}', '[]]${v}', '[!]]${v}', ']${v}', '${v}[x]']) {
      parseArtifactConfiguration(
        configuration(
          `<parameters><parameter name="v"/></parameters><zip-file><file path="${path}">${SIGN}</file></zip-file>`,
        ),
      )
    }
  })
})

describe('artifact configuration: limits', () => {
  it('1 MiB, counted in bytes', () => {
    const padding = (bytes: number) => `<!--${'é'.repeat(bytes / 2)}-->`
    const xml = zip(`<file path="x">${SIGN}</file>`)
    const room = MAX_XML_BYTES - Buffer.byteLength(xml) - '<!---->'.length
    parseArtifactConfiguration(padding(room - (room % 2)) + xml)
    assert.match(refused(padding(room - (room % 2) + 2) + xml).message, /at most 1 MiB/)
  })

  it('10,000 elements', () => {
    const files = (count: number) =>
      zip(`<file path="x">${SIGN}</file>${'<file path="x"/>'.repeat(count)}`)
    parseArtifactConfiguration(files(MAX_ELEMENTS - 4))
    assert.match(refused(files(MAX_ELEMENTS - 3)).message, /expected at most 10000 elements/)
  })

  it('32 levels', () => {
    const nested = (levels: number) =>
      zip(
        '<directory path="x">'.repeat(levels) +
          `<file path="x">${SIGN}</file>` +
          '</directory>'.repeat(levels),
      )
    parseArtifactConfiguration(nested(MAX_DEPTH - 4))
    assert.match(refused(nested(MAX_DEPTH - 3)).message, /expected at most 32 levels/)
    assert.match(
      refused(configuration('<a>'.repeat(100_000))).message,
      /expected at most 32 levels/,
    )
  })

  it('hostile names are cut and made printable in messages', () => {
    const error = refused(zip(`<file path="x" ${'y'.repeat(10_000)}="\u202E"/>`))
    assert.ok(error.message.length < 300)
    assert.ok(
      !refused(zip(`<file path="\u202E${'z'.repeat(500)}/../y"/>`)).message.includes('\u202E'),
    )
  })
})

describe('artifact configuration: properties', () => {
  const pieces = fc.constantFrom(
    '<',
    '>',
    '/>',
    '</',
    '"',
    "'",
    '=',
    ' ',
    '\n',
    '&',
    ';',
    '&#',
    '&amp;',
    '&constructor;',
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    '<?xml version="1.0"?>',
    '<?',
    '?>',
    '<!DOCTYPE',
    '[',
    ']',
    '<artifact-configuration',
    NAMESPACE,
    '</artifact-configuration>',
    '<zip-file>',
    '</zip-file>',
    '<file path="x">',
    '</file>',
    SIGN,
    '<parameters>',
    '<parameter name="v"/>',
    '</parameters>',
    'xmlns',
    ':',
    'xmlns:__proto__="u"',
    '__proto__',
    'constructor',
    '${',
    '}',
    '${v}',
    '\uFEFF',
    '\r',
    '\uD800',
    '\u{10FFFF}',
    '\0',
  )

  it('whatever the text, it is read or refused with ERR_POLICY_CONFIGURATION', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.oneof(pieces, fc.string()), { maxLength: 40 }).map((parts) => parts.join('')),
      fc
        .array(fc.oneof(pieces, fc.string()), { maxLength: 20 })
        .map((parts) => zip(parts.join(''))),
    )
    fc.assert(
      fc.property(texts, (xml) => {
        try {
          parseArtifactConfiguration(xml)
        } catch (error) {
          assert.ok(error instanceof ChanceryError, String(error))
          assert.equal(error.code, 'ERR_POLICY_CONFIGURATION')
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('positions are those of the `<` in the text, whatever the line ends', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('\n', '\r\n', ' ', '\t', '<!-- é\u{1F600} -->')),
        (space) => {
          const xml = `${configuration('').split('>')[0] ?? ''}><zip-file>${space.join('')}<file/></zip-file></artifact-configuration>`
          const before = xml.slice(0, xml.indexOf('<file')).split('\n')
          const expected = `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}: <file>: expected the attribute path`
          assert.equal(refused(xml).message, expected)
        },
      ),
      { numRuns: 200 },
    )
  })
})
