import assert from 'node:assert/strict'
import { it } from 'node:test'
import { RecentMarks } from './recent-marks.ts'

it('RecentMarks knows the latest, and forgets the oldest', () => {
  const marks = new RecentMarks(100)
  for (let last = 0; last < 1000; last++) {
    marks.add(last)
    for (let age = 0; age < 100 && age <= last; age++) assert.ok(marks.has(last - age))
    assert.ok(last < 200 || !marks.has(last - 200))
  }
})
