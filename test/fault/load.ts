import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  artifactCall,
  hashCall,
  payloadCall,
  type Answer,
  type ApiCall,
  type FaultyService,
} from './faulty-service.ts'

/** What the server promised about a signing request, in its last answer about it. */
export interface Promised {
  readonly status: string
  /** base64; absent where the answer had none. */
  readonly signature?: string
}

/** A call whose connection ended before its answer: it happened or not, and repeating it is harmless. */
interface Unanswered {
  readonly call: ApiCall
  readonly read: (answer: Answer) => void
}

/** A random number in [0, 1), from a seed: mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** Clients that call a server at the same time, and remember what it answered, across its deaths. */
export class Load {
  readonly #service: FaultyService
  readonly #random: () => number
  #unanswered: Unanswered[] = []
  #isStopped = false
  /** By the signing request's id. */
  readonly promised = new Map<string, Promised>()
  /** Ids that were answered about since they were last taken. */
  fresh = new Set<string>()
  /** Answers that nobody expects while the server lives. */
  readonly surprises: string[] = []
  repeated = 0
  #firstAnswer = Promise.withResolvers<undefined>()

  constructor(service: FaultyService, random: () => number) {
    this.#service = service
    this.#random = random
  }

  /** Runs until the server dies or {@link stop} is called; starts with what was left unanswered. */
  async run(): Promise<void> {
    this.#isStopped = false
    const unanswered = this.#unanswered
    this.#unanswered = []
    await Promise.all([
      ...[0, 1, 2, 3].map((n) => this.#repeat(unanswered.filter((_, index) => index % 4 === n))),
      this.#client(() => this.#submit(payloadCall(this.#service, 'quick'))),
      this.#client(() => this.#submit(payloadCall(this.#service, 'quick'))),
      this.#client(() => this.#submit(payloadCall(this.#service, 'slow'))),
      this.#client(async () => this.#submit(await artifactCall(this.#service, 'quick'))),
      this.#client(async () => {
        const policy = this.#random() < 0.5 ? 'slow' : 'quick'
        return this.#submit(await artifactCall(this.#service, policy, 600_000))
      }),
      this.#client(() => this.#submit(hashCall(this.#service, new Uint8Array(32)))),
      this.#client(() => this.#submitAndDecide()),
      this.#client(() => this.#submitAndDecide()),
      this.#client(() => this.#submitAndCancel()),
    ])
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Resolves with the first answer after the call, or with the death of the server. */
  nextAnswer(): Promise<undefined> {
    this.#firstAnswer = Promise.withResolvers()
    return this.#firstAnswer.promise
  }

  async #client(work: () => Promise<unknown>): Promise<void> {
    while (!this.#isStopped) {
      await work()
      await sleep(this.#random() * 12)
    }
  }

  async #repeat(unanswered: readonly Unanswered[]): Promise<void> {
    for (const { call, read } of unanswered) {
      this.repeated += 1
      await this.#send(call, read)
    }
  }

  /** Undefined where the connection ended first; then the load is over until the next start. */
  async #send(call: ApiCall, read: (answer: Answer) => void): Promise<Answer | undefined> {
    try {
      const answer = await this.#service.call(call)
      read(answer)
      this.#firstAnswer.resolve(undefined)
      return answer
    } catch {
      this.#firstAnswer.resolve(undefined)
      this.#isStopped = true
      this.#unanswered.push({ call, read })
      return undefined
    }
  }

  async #submit(call: ApiCall): Promise<string | undefined> {
    const headers = { ...call.headers, 'idempotency-key': randomUUID() }
    const answer = await this.#send({ ...call, headers }, (received) => this.#note(received))
    const id = answer?.json['signingRequestId']
    return typeof id === 'string' ? id : undefined
  }

  async #submitAndDecide(): Promise<void> {
    const id = await this.#submit(payloadCall(this.#service, 'approved'))
    if (id === undefined || this.#random() < 0.2) return
    const deed = this.#random() < 0.8 ? 'Approve' : 'Deny'
    await this.#change(this.#service.approver, id, deed)
  }

  async #submitAndCancel(): Promise<void> {
    const policy = this.#random() < 0.5 ? 'approved' : 'slow'
    const id = await this.#submit(payloadCall(this.#service, policy))
    if (id !== undefined) await this.#change(this.#service.submitter, id, 'Cancel')
  }

  #change(token: string, id: string, deed: string): Promise<Answer | undefined> {
    const call = { method: 'POST', path: `SigningRequests/${id}/${deed}`, token }
    return this.#send(call, (answer) => {
      // Repeated, or overtaken by the signature.
      const isOvertaken = answer.status === 409
      if (!isOvertaken) this.#note(answer, id)
    })
  }

  #note(answer: Answer, knownId?: string): void {
    const { status, json } = answer
    const id = knownId ?? json['signingRequestId']
    if (status >= 300 || typeof id !== 'string') {
      this.surprises.push(`${status} ${JSON.stringify(json)}`)
      return
    }
    const { signatures, hashSigningResult } = json as {
      signatures?: { signature: string }[]
      hashSigningResult?: { signature: string }
    }
    const signature = signatures?.[0]?.signature ?? hashSigningResult?.signature
    const stated = typeof json['status'] === 'string' ? json['status'] : 'Completed'
    this.promised.set(id, {
      status: stated,
      ...(signature === undefined ? {} : { signature }),
    })
    this.fresh.add(id)
  }
}
