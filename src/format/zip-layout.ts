/** Signatures and sizes of the records of a ZIP archive. Source: APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16. */
export const LOCAL_HEADER = { signature: 0x04034b50, size: 30 } as const
/** 4.3.12: one a file, in the central directory. */
export const CENTRAL_HEADER = { signature: 0x02014b50, size: 46 } as const
/** 4.3.9: after the data of a file whose sizes were not known before. */
export const DATA_DESCRIPTOR = { signature: 0x08074b50 } as const
/** 4.3.14. */
export const ZIP64_END = { signature: 0x06064b50, size: 56 } as const
/** 4.3.15. */
export const ZIP64_LOCATOR = { signature: 0x07064b50, size: 20 } as const
/** 4.3.16. */
export const END = { signature: 0x06054b50, size: 22, maxComment: 0xffff } as const

/** A 16-bit field whose value is in the zip64 record. */
export const MARK_16 = 0xffff
/** A 32-bit field whose value is in the zip64 record or extra field. */
export const MARK_32 = 0xffffffff

/** Compression methods (4.4.5) that Chancery reads and writes. */
export const STORED = 0
/** See {@link STORED}. */
export const DEFLATED = 8

/** Bits of the general purpose flags (4.4.4). */
export const FLAGS = {
  encrypted: 1 << 0,
  deflateOptions: (1 << 1) | (1 << 2),
  descriptor: 1 << 3,
  strongEncryption: 1 << 6,
  utf8: 1 << 11,
  maskedHeaders: 1 << 13,
} as const

/** File type bits of a Unix mode, in the upper half of the external attributes (4.4.15). */
export const MODE = {
  mask: 0o170000,
  regular: 0o100000,
  directory: 0o040000,
  link: 0o120000,
} as const
