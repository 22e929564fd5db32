import t from 'tap'
import { JsonScanner } from '../../../src/codecs/shared/json-scan.js'
import { type JsonShape, jsonShape } from '../../../src/codecs/shared/json-shape.js'
import { everyCut, randomCut } from '../../support/cuts.js'
import { expected, Recorder, scan } from '../../support/json-oracle.js'
import { seededRandom } from '../../support/seeded-random.js'

const shape: JsonShape = jsonShape(0, {
  fields: {
    a: jsonShape(1, { maxBytes: 12 }),
    ключ: jsonShape(2),
    list: jsonShape(3, { items: jsonShape(4, { fields: { n: jsonShape(5), s: jsonShape(6, { maxBytes: 3 }) } }) }),
    count: jsonShape(7, { isCounted: true }),
    map: jsonShape(8, { any: jsonShape(9, { fields: { x: jsonShape(10) }, isCounted: true }) }),
    leaf: jsonShape(11),
  },
})

const same = (t: Tap, text: string, chunks: readonly Buffer[], name: string): void => {
  const recorder = new Recorder(shape)
  const { failure } = scan(shape, recorder, chunks)
  const want = expected(shape, JSON.parse(text))
  if (failure !== '' || JSON.stringify(recorder.root) !== JSON.stringify(want)) {
    t.same({ failure, seen: recorder.root }, { failure: '', seen: want }, `${name}: ${text}`)
  }
}
type Tap = Pick<typeof t, 'same'>

const GOOD: readonly string[] = [
  '{}',
  ' {\n"a" :\t"b" , "leaf" : null }\r\n',
  '{"a":"one","a":"two"}',
  '{"a":"one","a":null}',
  '{"list":[{"n":1}],"list":[{"n":2},{"s":"abcdef"}]}',
  '{"\\u0061":"by escape","l\\u0065af":true}',
  '{"\\u043a\\u043b\\u044e\\u0447":"\\ud83d\\ude00 \\ud83d \\ude00 \\ud83d\\ud83d\\ude00"}',
  '{"ключ":"значение"}',
  '{"a":"\\"\\\\\\/\\b\\f\\n\\r\\t"}',
  '{"a":"exactly 12 b"}',
  '{"a":"thirteen byte"}',
  '{"a":"\\u0074hirteen byte"}',
  '{"a":"élevenéé!"}',
  '{"list":[]}',
  '{"list":{"n":1}}',
  '{"list":[1,"abcd",null,[1,2],{"n":{"n":1},"s":["x"]}]}',
  '{"list":[{"n":-0.5e+3},{"n":0},{"n":12345678901234567890},{"n":1E-7}]}',
  '{"count":[[],{},"x",1,[[["}"]]]]}',
  '{"count":[]}',
  '{"map":{}}',
  '{"map":{"":{"x":1},"t\\"able":[1,2,3],"x":{"x":"y"}}}',
  '{"map":[1]}',
  '{"skip":{"a":"not mine","deep":[{"b":"}]\\"\\\\"}]},"a":"mine"}',
  '{"skip":"long \\\\\\" and } ] { [ so that memchr is asked for the end of the string, which is here\\\\","a":"x"}',
  `{"skip":"${'\\\\'.repeat(200)}","a":"x"}`,
  `{"skip":"${'\\"'.repeat(200)}","a":"x"}`,
  `{"a":"${'é'.repeat(300)}","${'k'.repeat(2_000)}":1,"leaf":1}`,
  `{"skip":${'['.repeat(5_000)}${']'.repeat(5_000)},"leaf":2}`,
  '{"skip":true,"skip":null,"skip":-1.5e3,"a":"x"}',
  '"text"',
  '12',
  'null',
  '[1,[2]]',
  ' {"leaf":1.5} ',
]

t.test('members of good JSON are those of JSON.parse, at every cut', async (t) => {
  const random = seededRandom(7)
  for (const text of GOOD) {
    for (const [name, chunks] of everyCut(Buffer.from(text), random)) same(t, text, chunks, name)
  }
  t.pass(`${GOOD.length} texts`)
})

t.test('a text is told in its order, with names, counts and cuts', async (t) => {
  const told: unknown[] = []
  const text = (bytes: Buffer, start: number, end: number): string => bytes.toString('utf8', start, end)
  scan(
    shape,
    {
      begin: (id, isArray) => told.push(['begin', id, isArray]),
      ended: (id, count) => told.push(['ended', id, count]),
      name: (id, bytes, start, end, isCut) => told.push(['name', id, text(bytes, start, end), isCut]),
      text: (id, bytes, start, end, isCut) => told.push(['text', id, text(bytes, start, end), isCut]),
      number: (id, value) => told.push(['number', id, value]),
      other: (id, isNull) => told.push(['other', id, isNull]),
    },
    [Buffer.from('{"map":{"t1":[1,2]},"list":[{"s":"abcd"}],"leaf":[],"a":"x"}')],
  )
  t.same(told, [
    ['begin', 0, false],
    ['begin', 8, false],
    ['name', 9, 't1', false],
    ['begin', 9, true],
    ['ended', 9, 2],
    ['ended', 8, 1],
    ['begin', 3, true],
    ['begin', 4, false],
    ['text', 6, 'abc', true],
    ['ended', 4, 1],
    ['ended', 3, 1],
    ['other', 11, false],
    ['text', 1, 'x', false],
    ['ended', 0, 4],
  ])
})

const BAD: readonly (readonly [text: string, failure: string])[] = [
  ['', 'json_truncated'],
  ['  ', 'json_truncated'],
  ['{', 'json_truncated'],
  ['{"a"', 'json_truncated'],
  ['{"a":', 'json_truncated'],
  ['{"a":"', 'json_truncated'],
  ['{"a":"\\', 'json_truncated'],
  ['{"a":"\\u12', 'json_truncated'],
  ['{"skip":"\\', 'json_truncated'],
  ['{"skip":[{"x":1}', 'json_truncated'],
  ['{"leaf":1', 'json_truncated'],
  ['[', 'json_truncated'],
  ['}', 'json_syntax'],
  ['{]', 'json_syntax'],
  ['{"list":[}', 'json_syntax'],
  ['{"list":[1,]}', 'json_syntax'],
  ['{"a":1,}', 'json_syntax'],
  ['{"a" "b"}', 'json_syntax'],
  ['{"a":"\\x"}', 'json_syntax'],
  ['{"a":"\\u12g4"}', 'json_syntax'],
  ['{"a":1 2}', 'json_syntax'],
  ['{"a":1.2.3}', 'json_syntax'],
  ['{"a":-}', 'json_syntax'],
  ['{a:1}', 'json_syntax'],
  ["{'a':1}", 'json_syntax'],
  ['{"a":1}}', 'json_syntax'],
  ['{"a":1}{}', 'json_syntax'],
  ['\ufeff{}', 'json_syntax'],
  ['<html>', 'json_syntax'],
]

t.test('broken JSON has a reason, at every cut', async (t) => {
  const random = seededRandom(8)
  for (const [text, failure] of BAD) {
    for (const [name, chunks] of everyCut(Buffer.from(text), random)) {
      const scanner = scan(shape, new Recorder(shape), chunks)
      if (scanner.failure !== failure) t.equal(scanner.failure, failure, `${name}: ${text}`)
    }
  }
  t.pass(`${BAD.length} texts`)
})

t.test('a number of more digits than a double has is told as unreadable', async (t) => {
  const recorder = new Recorder(shape)
  const { failure } = scan(shape, recorder, [Buffer.from(`{"leaf":${'1'.repeat(100)}}`)])
  t.equal(failure, '')
  t.same(recorder.root, [['leaf', { skipped: 'other' }]])
})

/** Any JSON value, more often than not of the shape's own names. */
function randomJson(random: () => number, depth = 0): string {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  const text = (): string =>
    JSON.stringify(pick(['', 'a', 'x', 'ключ', '}"]', '\\', 'é'.repeat(20), '\u{1f600}', '\ud83d', 'y'.repeat(90)]))
  const space = (): string => pick(['', '', '', ' ', '\n\t'])
  const kind = depth > 5 ? random() * 0.6 : random()
  if (kind < 0.2) return pick(['0', '-1', '1.5', '2e3', '-0.25E-2', '123456789012'])
  if (kind < 0.45) return text().replace('a', () => pick(['a', '\\u0061']))
  if (kind < 0.6) return pick(['true', 'false', 'null'])
  const count = Math.floor(random() * 5)
  const element = (): string => space() + randomJson(random, depth + 1) + space()
  if (kind < 0.75) return `[${Array.from({ length: count }, element).join(',')}]`
  const names = [
    '"a"',
    '"list"',
    '"map"',
    '"count"',
    '"leaf"',
    '"n"',
    '"s"',
    '"x"',
    '"ключ"',
    '"l\\u0069st"',
    '"__proto__"',
    text(),
  ]
  return `{${Array.from({ length: count }, () => `${space()}${pick(names)}${space()}:${element()}`).join(',')}}`
}

function mutated(text: string, random: () => number): Buffer {
  const bytes = Buffer.from(text)
  for (let i = 1 + Math.floor(random() * 3); i > 0; i--) {
    const at = Math.floor(random() * bytes.length)
    const marks = Buffer.from('{}[]",:\\u0 1ne')
    bytes[at] = random() < 0.7 ? (marks[Math.floor(random() * marks.length)] as number) : Math.floor(random() * 256)
  }
  return random() < 0.2 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes
}

t.test('20,000 random texts: good ones are read as JSON.parse does, broken ones do no harm', async (t) => {
  const random = seededRandom(20_260_810)
  let good = 0
  let broken = 0
  for (let run = 0; run < 20_000; run++) {
    const members = Array.from(
      { length: 3 },
      () => `"${['a', 'list', 'map'][Math.floor(random() * 3)]}":${randomJson(random)}`,
    )
    const text = random() < 0.5 ? randomJson(random) : `{${members.join(',')}}`
    const bytes = random() < 0.5 ? Buffer.from(text) : mutated(text, random)
    const chunks = random() < 0.3 ? [bytes] : randomCut(bytes, random)
    let isGood = true
    try {
      JSON.parse(bytes.toString())
    } catch {
      isGood = false
    }
    // What is no UTF-8 comes as it is from the scanner, and as U+FFFD from the oracle.
    const isUtf8 = isGood && Buffer.from(bytes.toString()).equals(bytes)
    if (isGood && !isUtf8) {
      t.equal(scan(shape, new Recorder(shape), chunks).failure, '')
    } else if (isGood) {
      good++
      same(t, bytes.toString(), chunks, `run ${run}`)
    } else {
      broken++
      t.doesNotThrow(() => scan(shape, new Recorder(shape), chunks))
    }
  }
  t.ok(good > 10_000 && broken > 4_000, `${good} good, ${broken} broken`)
})

t.test('a body of 64 MB needs no memory, whatever is in it', async (t) => {
  const piece = Buffer.from(`${JSON.stringify({ pk: { S: 'user#1' }, blob: { B: 'x'.repeat(400) }, n: { N: '1' } })},`)
  const chunk = Buffer.concat(Array.from({ length: Math.ceil(65_536 / piece.length) }, () => piece))
  const cases: readonly (readonly [name: string, head: string, body: Buffer])[] = [
    ['elements', '{"count":[', chunk],
    ['a skipped list', '{"skip":[', chunk],
    ['one long wanted string', '{"a":"', Buffer.alloc(65_536, 'x')],
    ['one long name', '{"', Buffer.alloc(65_536, 'x')],
    ['one long skipped string', '{"skip":"', Buffer.alloc(65_536, '\\"')],
    ['brackets', '{"skip":', Buffer.alloc(65_536, '[')],
    ['digits', '{"leaf":', Buffer.alloc(65_536, '9')],
  ]
  for (const [name, head, body] of cases) {
    const scanner = new JsonScanner(shape, new Recorder(shape))
    scanner.push(Buffer.from(head))
    scanner.push(body)
    const before = process.memoryUsage()
    for (let sent = 0; sent < 64e6; sent += body.length) scanner.push(body)
    const after = process.memoryUsage()
    const grown = after.heapUsed + after.external - before.heapUsed - before.external
    t.ok(grown < 2_097_152, `${name}: ${grown} bytes`)
    t.equal(scanner.failure, '', name)
  }
})
