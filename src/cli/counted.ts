/** A number with what it counts, in one or the other form: `1 image`, `2 images`. */
export function counted(number: number, noun: string): string {
  return `${number} ${number === 1 ? noun : `${noun}s`}`
}
