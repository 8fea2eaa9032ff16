import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { HostBudget } from './host-budget.ts'
import { DEFAULT_RETRIES } from './retry.ts'

const PATIENCE = DEFAULT_RETRIES.patienceMs

/** A budget with a clock of its own, which stands at 100 s. */
function startBudget({ mock }: TestContext) {
  let now = 100_000
  mock.method(performance, 'now', () => now)
  mock.timers.enable({ apis: ['setInterval'] })
  const news: string[] = []
  const budget = new HostBudget('a.test', DEFAULT_RETRIES, (message) => news.push(message))
  const pass = (ms: number): void => {
    now += ms
    mock.timers.tick(ms)
  }
  return { budget, news, pass, now: () => now }
}

const given = (triedS: number) => ({
  code: 'ERR_REGISTRY_UNAVAILABLE',
  message: `a.test was tried for ${triedS} s and did not answer`,
})

describe('the budget of a host', () => {
  it('is used up by time without success, from the first request that failed on', (test) => {
    const { budget, pass, now } = startBudget(test)
    assert.equal(budget.remainingMs(), PATIENCE)
    const startedAt = now()
    pass(10_000)
    budget.failed(startedAt)
    assert.equal(budget.remainingMs(), PATIENCE - 10_000)
    pass(20_000)
    budget.failed(now())
    assert.equal(budget.remainingMs(), PATIENCE - 30_000)
    pass(29_999)
    assert.equal(budget.remainingMs(), 1)
    pass(1)
    assert.throws(() => budget.remainingMs(), given(30))
  })

  it('is whole again after a success, and 30 seconds after the last failure', (test) => {
    const { budget, pass, now } = startBudget(test)
    budget.failed(now() - PATIENCE)
    assert.throws(() => budget.remainingMs(), given(60))
    budget.succeeded()
    assert.equal(budget.remainingMs(), PATIENCE)
    budget.failed(now() - PATIENCE)
    pass(30_000)
    assert.throws(() => budget.remainingMs(), given(60))
    pass(1)
    assert.equal(budget.remainingMs(), PATIENCE)
  })

  it('has 20 repetitions, and one more for each four successes', (test) => {
    const { budget } = startBudget(test)
    const repeats = (): number => {
      for (let count = 0; ; count++) if (!budget.mayRepeatAfter(0)) return count
    }
    assert.equal(repeats(), 20)
    for (let success = 0; success < 3; success++) budget.succeeded()
    assert.equal(repeats(), 0)
    budget.succeeded()
    assert.equal(repeats(), 1)
    for (let success = 0; success < 1000; success++) budget.succeeded()
    assert.equal(repeats(), 20)
  })

  it('has no repetition that would begin after it is used up', (test) => {
    const { budget, pass, now } = startBudget(test)
    assert.equal(budget.mayRepeatAfter(PATIENCE), false)
    assert.equal(budget.mayRepeatAfter(PATIENCE - 1), true)
    budget.failed(now())
    pass(10_000)
    assert.equal(budget.mayRepeatAfter(PATIENCE - 10_000), false)
    assert.equal(budget.mayRepeatAfter(PATIENCE - 10_001), true)
  })
})

describe('a host that asks to be left alone', () => {
  it('is, for the longest time that it asked for', (test) => {
    const { budget, pass } = startBudget(test)
    assert.equal(budget.askedPauseMs(), 0)
    budget.leaveAlone(5000, 'answered 429')
    budget.leaveAlone(2000, 'answered 429')
    assert.equal(budget.askedPauseMs(), 5000)
    pass(1000)
    assert.equal(budget.askedPauseMs(), 4000)
    budget.leaveAlone(6000, 'answered 429')
    assert.equal(budget.askedPauseMs(), 6000)
    pass(7000)
    assert.equal(budget.askedPauseMs(), 0)
  })

  it('is told of from a second on, and not more often than each 15 seconds', (test) => {
    const { budget, news, pass } = startBudget(test)
    budget.leaveAlone(999, 'answered 429')
    assert.deepEqual(news, [])
    budget.leaveAlone(1000, 'answered 429')
    pass(14_999)
    budget.leaveAlone(1000, 'answered 503')
    assert.deepEqual(news.splice(0), ['a.test answered 429; waiting 1 s'])
    pass(1)
    budget.leaveAlone(1001, 'answered 503')
    assert.deepEqual(news, ['a.test answered 503; waiting 2 s'])
  })
})

describe('a host that does not answer', () => {
  it('is told of after 5 seconds and then each 15, until it does', (test) => {
    const { budget, news, pass } = startBudget(test)
    const stops = [budget.watch(), budget.watch()]
    pass(4999)
    assert.deepEqual(news, [])
    for (let second = 5; second <= 25; second += 5) pass(second === 5 ? 1 : 5000)
    const waiting = (s: number) => `waiting for a.test, which has not answered for ${s} s`
    assert.deepEqual(news, [waiting(5), waiting(20)])
    for (const stop of stops) stop()
    pass(100_000)
    assert.equal(news.length, 2)
    const unheard = new HostBudget('a.test', DEFAULT_RETRIES)
    unheard.watch()()
    unheard.leaveAlone(5000, 'answered 429')
    assert.equal(unheard.askedPauseMs(), 5000)
  })
})
