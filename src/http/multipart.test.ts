import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  decodeField,
  MAX_FIELD_BYTES,
  MAX_PARTS,
  parseMultipart,
  type FormPart,
} from './multipart.ts'

const CONTENT_TYPE = 'multipart/form-data; boundary=b'

function parse(body: string, contentType = CONTENT_TYPE): readonly FormPart[] {
  return parseMultipart(Buffer.from(body, 'utf8'), contentType)
}

function part(disposition: string, content = 'x', headers = ''): string {
  return `--b\r\nContent-Disposition: ${disposition}\r\n${headers}\r\n${content}\r\n--b--\r\n`
}

function only(disposition: string, content?: string, headers?: string): FormPart {
  const parts = parse(part(disposition, content, headers))
  assert.equal(parts.length, 1)
  return parts[0]!
}

function refused(run: () => unknown, message: RegExp): void {
  assert.throws(run, (error: Error & { code?: string }) => {
    assert.equal(error.code, 'ERR_HTTP_MULTIPART')
    assert.match(error.message, message)
    return true
  })
}

describe('parts of a form', () => {
  it('may have quoted names and bare ones', () => {
    assert.equal(only('form-data; name="ProjectSlug"').name, 'ProjectSlug')
    assert.equal(only('form-data; name=ProjectSlug').name, 'ProjectSlug')
    assert.equal(only('form-data;name=Parameters[version]').name, 'Parameters[version]')
  })

  it('have the content between their empty line and the boundary, even none', () => {
    assert.equal(decodeField(only('form-data; name=a', '')), '')
    assert.equal(decodeField(only('form-data; name=a', '\r\n')), '\r\n')
    assert.equal(decodeField(only('form-data; name=a', '\r\n--c\r\n')), '\r\n--c\r\n')
    assert.equal(decodeField(parse(`\r\n${part('form-data; name=a')}`)[0]!), 'x')
  })

  it('may have other headers, and a semicolon at the end of one', () => {
    assert.equal(only('form-data; name=a;', 'x', 'Content-Length: 1\r\n').name, 'a')
    assert.equal(only('form-data; name=a; ').name, 'a')
  })

  it('are fields without and files with a file name', () => {
    assert.equal(only('form-data; name=a').fileName, null)
    assert.equal(only('form-data; name=a; filename=f.zip').fileName, 'f.zip')
    assert.equal(only('form-data; name=a; filename="a;b\\"c.zip"').fileName, 'a;b"c.zip')
  })

  it('prefer filename* and lose the directories', () => {
    const both = `form-data; name=a; filename="=?utf-8?B?w7w=?="; filename*=utf-8''%C3%BC.json`
    assert.equal(only(both).fileName, 'ü.json')
    assert.equal(only('form-data; name=a; filename="C:\\\\build\\\\f.zip"').fileName, 'f.zip')
    assert.equal(only('form-data; name=a; filename="../../etc/passwd"').fileName, 'passwd')
    assert.equal(only('form-data; name=a; filename="ü.json"').fileName, 'ü.json')
  })

  it('are decoded by the character set they name', () => {
    const headers = 'Content-Type: text/plain; charset="ISO-8859-1"\r\n'
    const body = Buffer.from(part('form-data; name=a', 'XX', headers), 'latin1')
    body.set([0xfc, 0xfc], body.indexOf('XX'))
    assert.equal(decodeField(parseMultipart(body, CONTENT_TYPE)[0]!), 'üü')
    const other = only('form-data; name=a', 'x', 'Content-Type: text/plain; charset=utf-7\r\n')
    refused(() => decodeField(other), /character set/)
    const utf8 = Buffer.from(part('form-data; name=a', 'XX'))
    utf8.set([0xc3, 0x28], utf8.indexOf('XX'))
    refused(() => decodeField(parseMultipart(utf8, CONTENT_TYPE)[0]!), /^expected UTF-8 in part/)
    assert.equal(decodeField(only('form-data; name=a', '\ufeffx')), '\ufeffx')
  })

  it('hold any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        if (Buffer.from(bytes).includes('--b')) return
        const body = Buffer.concat([
          Buffer.from('--b\r\nContent-Disposition: form-data; name=a; filename=f\r\n\r\n'),
          bytes,
          Buffer.from('\r\n--b--'),
        ])
        assert.deepEqual([...parseMultipart(body, CONTENT_TYPE)[0]!.bytes], [...bytes])
      }),
    )
  })
})

describe('a body that is no form', () => {
  it('is refused wherever it is cut off', () => {
    const whole = Buffer.from(part('form-data; name=a; filename=f', 'content'))
    const end = whole.lastIndexOf('--') + 2
    for (let length = 0; length < end; length++) {
      refused(() => parseMultipart(whole.subarray(0, length), CONTENT_TYPE), /^expected/)
    }
    assert.equal(parseMultipart(whole.subarray(0, end), CONTENT_TYPE).length, 1)
  })

  it('is refused without a usable boundary', () => {
    const body = part('form-data; name=a')
    for (const contentType of [
      'multipart/form-data',
      'multipart/form-data; boundary=',
      'multipart/form-data; boundary="b',
      'multipart/form-data; boundary=b; boundary=c',
      `multipart/form-data; boundary=${'b'.repeat(71)}`,
      'multipart/form-data; boundary="b#"',
      'multipart/form-data; boundary="#b"',
      'multipart/form-data; boundary="b "',
      'multipart/mixed; boundary=b',
    ]) {
      refused(
        () => parse(body, contentType),
        /^expected (?:Content-Type: multipart\/form-data with a boundary|(?:each )?header parameter)/,
      )
    }
    const longest = 'b'.repeat(70)
    const contentType = `multipart/form-data; boundary=${longest}`
    assert.equal(parse(body.replaceAll('--b', `--${longest}`), contentType).length, 1)
    assert.equal(parse(body, 'Multipart/Form-Data; charset=utf-8; Boundary="b"').length, 1)
  })

  it('is refused with anything around the parts', () => {
    const body = part('form-data; name=a')
    refused(() => parse(`preamble\r\n${body}`), /start with the boundary/)
    refused(() => parse(`${body}epilogue`), /after a boundary/)
    refused(() => parse(body.replaceAll('\r\n', '\n')), /^expected/)
    refused(() => parse(body.replace('--b\r\n', '--b \r\n')), /after a boundary/)
    refused(() => parse(part('form-data; name=a', 'x\r\n--bx')), /after a boundary/)
  })

  it('is refused with parts that are not what a form has', () => {
    refused(() => parse('--b\r\n\r\nx\r\n--b--'), /^expected an empty line after the headers/)
    refused(
      () => parse('--b\r\nA: b\r\n\r\nx\r\n--'),
      /^expected the closing boundary, found the end/,
    )
    refused(() => parse('--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--'), /Content-Disposition/)
    refused(() => only('attachment; name=a'), /form-data/)
    refused(() => only('form-data'), /with a name/)
    refused(() => only('form-data; name=""'), /with a name/)
    refused(() => only('form-data; name="a\u0000b"'), /with a name/)
    refused(() => only('form-data; name=a; name=b'), /once/)
    for (const parameters of ['name="a', 'junk; name=a', 'name=a; junk', 'junk;', 'name="a"b']) {
      refused(() => only(`form-data; ${parameters}`), /header parameters as name=value/)
    }
    refused(
      () => only('form-data; name=a', 'x', 'Content-Disposition: form-data; name=b\r\n'),
      /one/,
    )
    for (const header of ['no colon', 'colonless', 'two words: x', ' Space: x', 'Space : x']) {
      refused(() => only('form-data; name=a', 'x', `${header}\r\n`), /Name: value/)
    }
    for (const encoding of ['base64', 'xbinary', 'binaryx']) {
      const encoded = `Content-Transfer-Encoding: ${encoding}\r\n`
      refused(() => only('form-data; name=a', 'eA==', encoded), /transfer encoding/)
    }
    assert.equal(only('form-data; name=a', 'x', 'Content-Transfer-Encoding: 8bit\r\n').name, 'a')
  })

  it('is refused with file names that are none', () => {
    for (const name of ['""', '"a/"', '"\u0007"', '".."', `"${'n'.repeat(261)}"`]) {
      refused(() => only(`form-data; name=a; filename=${name}`), /file name/)
    }
    for (const name of [
      "utf-8''%FF",
      "utf-8''a%zz",
      'plain',
      "utf-16''a",
      "xutf-8''a",
      "utf-8''%2e%2e",
      "utf-8''%0a",
    ]) {
      refused(() => only(`form-data; name=a; filename*=${name}`), /file name|filename\*/)
    }
  })

  it('is refused beyond its limits', () => {
    const one = '--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n'
    assert.equal(parse(`${one.repeat(MAX_PARTS)}--b--`).length, MAX_PARTS)
    refused(() => parse(`${one.repeat(MAX_PARTS + 1)}--b--`), /at most 200 parts/)
    assert.equal(
      only('form-data; name=a', 'x'.repeat(MAX_FIELD_BYTES)).bytes.length,
      MAX_FIELD_BYTES,
    )
    refused(() => only('form-data; name=a', 'x'.repeat(MAX_FIELD_BYTES + 1)), /65536 bytes/)
    const file = only('form-data; name=a; filename=f', 'x'.repeat(MAX_FIELD_BYTES + 1))
    assert.equal(file.bytes.length, MAX_FIELD_BYTES + 1)
    const padded = (bytes: number): FormPart => {
      const others = '\r\nContent-Disposition: form-data; name=a\r\nX: '.length
      return only('form-data; name=a', 'x', `X: ${'y'.repeat(bytes - others)}\r\n`)
    }
    assert.equal(padded(8192).name, 'a')
    refused(() => padded(8193), /part headers of at most 8192 bytes/)
  })

  it('never costs more than its length', () => {
    const hostile = `--b\r\nContent-Disposition: form-data; name="${'\\'.repeat(8000)}\r\n\r\nx\r\n--b--`
    const started = performance.now()
    refused(() => parse(hostile), /^expected/)
    refused(() => only(`form-data; name=a; filename*=utf-8''${'a'.repeat(7900)}(`), /filename\*/)
    assert.ok(performance.now() - started < 30_000)
  })

  it('throws nothing but its own error, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            '--b',
            '\r\n',
            '--',
            ':',
            ';',
            '"',
            'name=a',
            'Content-Disposition: form-data',
            '\u0000',
          ),
        ),
        (pieces) => {
          try {
            parse(pieces.join(''))
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'ERR_HTTP_MULTIPART')
          }
        },
      ),
    )
  })
})
