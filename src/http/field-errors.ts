import { ChanceryError } from '../errors/chancery-error.ts'

const MAX_FIELDS = 50

/** What is wrong with the inputs of a call, by input as the contract spells it (`hashSigningData.hash`). */
export class FieldErrors {
  readonly #messages = new Map<string, string[]>()

  /** Beyond {@link MAX_FIELDS} fields nothing is added: a body of unknown names is not sent back. */
  add(field: string, message: string): void {
    if (this.isFull && !this.#messages.has(field)) return
    const messages = this.#messages.get(field)
    if (messages === undefined) this.#messages.set(field, [message])
    else messages.push(message)
  }

  /** Whether no other field would be added. */
  get isFull(): boolean {
    return this.#messages.size === MAX_FIELDS
  }

  /** The first message for a field wins: the others follow from it. */
  addFirst(field: string, message: string): void {
    if (!this.#messages.has(field)) this.add(field, message)
  }

  /** @throws ChanceryError ERR_HTTP_INVALID if anything was added. */
  throwIfAny(): void {
    const [first] = this.#messages
    if (first === undefined) return
    const [field, [message = '']] = first
    throw new ChanceryError('ERR_HTTP_INVALID', field === '' ? message : `${field}: ${message}`, {
      field,
      fieldErrors: this.#messages,
    })
  }
}
