import t from 'tap'
import { Least } from '../../src/observe/digests/least.js'
import { seededRandom } from '../support/seeded-random.js'

t.test('the lightest is found, whatever grew and was halved since', (t) => {
  const mistakes: string[] = []
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed)
    const weights = new Float64Array(50)
    const least = new Least(weights.length, { of: (item) => weights[item] as number })
    let size = 0
    for (let i = 0; i < 3_000; i++) {
      const dice = random()
      if (dice < 0.05 && size < weights.length) {
        weights[size] = Math.floor(random() * 10)
        least.add(size++)
      } else if (dice < 0.06) {
        for (let item = 0; item < size; item++) weights[item] = (weights[item] as number) / 2
        least.scale(0.5)
      } else if (size > 0) {
        const item = Math.floor(random() ** 2 * size)
        weights[item] = (weights[item] as number) + 1
      }
      if (size === 0 || random() < 0.7) continue
      const found = weights[least.find()]
      const lightest = Math.min(...weights.subarray(0, size))
      if (found !== lightest) mistakes.push(`seed ${seed}, step ${i}: ${found} in place of ${lightest}`)
    }
  }
  t.same(mistakes, [])
  t.end()
})
