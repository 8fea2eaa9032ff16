/** The most characters of a file name. */
const MAX_FILE_NAME_LENGTH = 260

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

/** What {@link isFileName} accepts, for messages. */
export const FILE_NAME_RULE = `a file name of 1 to ${MAX_FILE_NAME_LENGTH} characters, without directories and control characters`

/** True for text without control characters: something that can be shown and written into headers. */
export function isPrintable(text: string): boolean {
  return !CONTROL.test(text)
}

/** True for one path segment, neither `.` nor `..`, at most {@link MAX_FILE_NAME_LENGTH} characters, printable. */
export function isFileName(text: string): boolean {
  const isOneSegment = !text.includes('/') && !text.includes('\\')
  const isSized = text !== '' && text.length <= MAX_FILE_NAME_LENGTH
  return isOneSegment && isSized && text !== '.' && text !== '..' && isPrintable(text)
}
