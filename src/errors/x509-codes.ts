import type { CodeEntry } from './code-table.ts'

/** The error codes of `x509/`. */
export const X509_CODES = {
  ERR_X509_CERTIFICATE: { kind: 'invalid', summary: 'Not an X.509 certificate' },
  ERR_X509_FILE: { kind: 'invalid', summary: 'Not a certificate file that Chancery reads' },
  ERR_X509_KEY: {
    kind: 'invalid',
    summary: 'No certificate in the file is for the key',
    status: 422,
  },
  ERR_X509_CHAIN: {
    kind: 'invalid',
    summary: 'The certificates do not make one chain',
    status: 422,
  },
  ERR_X509_SUBJECT: { kind: 'invalid', summary: 'The subject cannot be put into a certificate' },
  ERR_X509_VALIDITY: { kind: 'invalid', summary: 'The validity cannot be put into a certificate' },
  ERR_X509_PKCS12: { kind: 'invalid', summary: 'Not a PKCS#12 file that Chancery reads' },
  ERR_X509_PKCS12_PASSPHRASE: {
    kind: 'invalid',
    summary: 'The PKCS#12 file does not open with this passphrase',
  },
  ERR_X509_CMS: { kind: 'invalid', summary: 'Not CMS signed data with one signer' },
  ERR_X509_TIMESTAMP: { kind: 'invalid', summary: 'Not a timestamp of RFC 3161' },
} as const satisfies Record<string, CodeEntry>
