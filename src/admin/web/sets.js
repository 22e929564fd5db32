// @ts-check
// Replica sets on the page: a card for each member, in the set's own order, so that an election moves the mark and not the cards.

import { count, duration, element, make, perSecond, setText, visible, whole } from './format.js'

/**
 * @typedef {{rate: number, p50Ms: number | null, p99Ms: number | null, isRecent: boolean}} Traffic
 * @typedef {{name: string, role: string, isPrimary: boolean, isUp: boolean, reason: string, isSeed: boolean, isHidden: boolean,
 *   isArbiter: boolean, tags: Record<string, string>, lagMs: number | null, rttMs: number | null,
 *   listeners: {listener: string, address: string, reason: string}[],
 *   host: {connections: number, operations: number, failures: number, traffic: Traffic | null} | null}} Member
 * @typedef {{cluster: string, kind: string, setName: string, primary: string, members: Member[],
 *   stats: {elections: number, reconfigs: number, probeFailures: number, identityMismatches: number}}} Topology
 * @typedef {{root: HTMLElement, title: HTMLElement, cluster: HTMLElement, summary: HTMLElement, counters: HTMLElement,
 *   list: HTMLElement, cards: Map<string, Card>}} Frame
 * @typedef {{root: HTMLElement, role: HTMLElement, health: HTMLElement, name: HTMLElement, reason: HTMLElement,
 *   numbers: Record<string, HTMLElement>, address: HTMLElement, notes: HTMLElement}} Card
 */

/** @type {Record<string, string>} */
const KINDS = {
  unknown: 'Members not known yet',
  replica_set: 'Replica set',
  standalone: 'Standalone server',
  routers: 'Routers',
}

/** @type {Record<string, string>} */
const ROLES = {
  primary: 'Primary',
  secondary: 'Secondary',
  arbiter: 'Arbiter',
  other: 'Not in service',
  standalone: 'Standalone',
  router: 'Router',
  unknown: 'Role unknown',
}

/** @type {{id: string, title: string, explain: string}[]} */
const NUMBERS = [
  { id: 'rate', title: 'Ops/s', explain: 'Operations that it answered, per second over the last five seconds' },
  { id: 'p99', title: 'p99', explain: '99 of 100 answers took no longer, over the last minute' },
  { id: 'lag', title: 'Lag', explain: 'How far its data is behind the primary' },
  { id: 'rtt', title: 'Round trip', explain: 'Of a probe, moving average' },
]

/** By cluster; kept, so that what is selected or folded stays so. @type {Map<string, Frame>} */
const frames = new Map()

/** @param {Topology[]} topologies */
export function showSets(topologies) {
  const root = element('sets')
  root.hidden = topologies.length === 0
  const clusters = new Set(topologies.map(({ cluster }) => cluster))
  for (const [cluster, frame] of frames) {
    if (clusters.has(cluster)) continue
    frame.root.remove()
    frames.delete(cluster)
  }
  topologies.forEach((topology, at) => {
    const frame = frameFor(topology.cluster)
    showSet(frame, topology)
    if (root.children[at] !== frame.root) root.insertBefore(frame.root, root.children[at] ?? null)
  })
  // Read out when it changes; it holds no number that moves by itself.
  setText(element('set-news'), topologies.map((one) => `${titleOf(one)}: ${summaryOf(one)}`).join(' '))
}

/** @param {string} cluster */
function frameFor(cluster) {
  const known = frames.get(cluster)
  if (known !== undefined) return known
  const title = make('h2', '')
  const name = make('span', 'of')
  const summary = make('span', 'summary')
  const counters = make('p', 'counters')
  const list = make('ul', 'members')
  // Without bullets some readers take it for no list.
  list.setAttribute('role', 'list')
  const details = make('details', 'set', make('summary', '', title, ' ', name, ' ', summary), counters, list)
  details.open = true
  /** @type {Frame} */
  const frame = { root: details, title, cluster: name, summary, counters, list, cards: new Map() }
  frames.set(cluster, frame)
  return frame
}

/** @param {Topology} topology */
function titleOf({ kind, setName }) {
  const word = KINDS[kind] ?? kind
  return setName === '' ? word : `${word} ${visible(setName)}`
}

/** @param {number} value @param {string} word */
function counted(value, word) {
  return `${value < 100_000 ? whole.format(value) : count(value)} ${word}${value === 1 ? '' : 's'}`
}

/** @param {Topology} topology */
function isLeaderless({ kind, primary }) {
  return kind === 'replica_set' && primary === ''
}

/** @param {Topology} topology */
function summaryOf(topology) {
  const { members, primary } = topology
  const up = members.filter(({ isUp }) => isUp).length
  const lead = isLeaderless(topology) ? 'No primary. ' : primary === '' ? '' : `Primary ${visible(primary)}. `
  return `${lead}${up} of ${members.length} up.`
}

/** @param {Frame} frame @param {Topology} topology */
function showSet(frame, topology) {
  const { members, stats } = topology
  setText(frame.title, titleOf(topology))
  setText(frame.cluster, `cluster ${visible(topology.cluster)}`)
  setText(frame.summary, summaryOf(topology))
  frame.summary.classList.toggle('bad', isLeaderless(topology))
  frame.summary.classList.toggle('warn', !isLeaderless(topology) && members.some(({ isUp }) => !isUp))
  const changes = [counted(stats.elections, 'election'), counted(stats.reconfigs, 'reconfiguration')]
  const parts = [
    ...(topology.kind === 'replica_set' ? changes : []),
    counted(stats.probeFailures, 'failed probe'),
    stats.identityMismatches > 0
      ? `${counted(stats.identityMismatches, 'answer')} of a node that was not the member asked for`
      : '',
  ]
  setText(frame.counters, `Since the start: ${parts.filter((part) => part !== '').join(', ')}.`)
  const names = new Set(members.map(({ name }) => name))
  for (const [name, card] of frame.cards) {
    if (names.has(name)) continue
    card.root.remove()
    frame.cards.delete(name)
  }
  // At least one per second: a lone ping is no full bar.
  const top = Math.max(1, ...members.map((member) => member.host?.traffic?.rate ?? 0))
  members.forEach((member, at) => {
    const card = cardFor(frame, member.name)
    showMember(card, member, top)
    if (frame.list.children[at] !== card.root) frame.list.insertBefore(card.root, frame.list.children[at] ?? null)
  })
}

/** @param {Frame} frame @param {string} name */
function cardFor(frame, name) {
  const known = frame.cards.get(name)
  if (known !== undefined) return known
  const role = make('span', 'role')
  const health = make('span', 'health')
  const title = make('h3', '')
  const reason = make('p', 'reason')
  const address = make('p', 'at')
  const notes = make('p', 'notes')
  const numbers = Object.fromEntries(NUMBERS.map(({ id }) => [id, make('dd', '')]))
  const rows = NUMBERS.map(({ id, title: word, explain }) => {
    const row = make('div', '', make('dt', '', word), numbers[id] ?? '')
    row.title = explain
    return row
  })
  const head = make('p', 'marks', role, health)
  const root = make('li', 'member', title, head, reason, make('dl', '', ...rows), address, notes)
  /** @type {Card} */
  const card = { root, role, health, name: title, reason, numbers, address, notes }
  frame.cards.set(name, card)
  return card
}

/** @param {Card} card @param {Member} member @param {number} top the highest rate in the set */
function showMember(card, member, top) {
  const { name, role, isPrimary, isUp, reason, host } = member
  const isAsked = isUp || reason !== ''
  card.root.classList.toggle('primary', isPrimary)
  card.root.classList.toggle('down', !isUp && isAsked)
  setText(card.name, visible(name))
  setText(card.role, ROLES[role] ?? role)
  card.health.className = `health ${isUp ? 'up' : isAsked ? 'bad' : ''}`
  setText(card.health, isUp ? 'up' : isAsked ? 'down' : 'not asked yet')
  setText(card.reason, visible(reason))
  card.reason.hidden = reason === ''
  const traffic = host?.traffic ?? null
  show(card, 'rate', traffic === null ? '–' : perSecond(traffic.rate))
  card.root.style.setProperty('--share', String(traffic === null ? 0 : traffic.rate / top))
  show(card, 'p99', traffic === null ? '–' : duration(traffic.p99Ms))
  const isOld = traffic !== null && traffic.p99Ms !== null && !traffic.isRecent
  card.numbers.p99?.classList.toggle('old', isOld)
  if (card.numbers.p99 !== undefined)
    card.numbers.p99.title = isOld ? 'Since the start: nothing ended in the last minute' : ''
  show(card, 'lag', member.lagMs === 0 ? '0 ms' : duration(member.lagMs))
  show(card, 'rtt', duration(member.rttMs))
  showAddress(card, member)
  setText(card.notes, notesOf(member))
  card.notes.hidden = card.notes.textContent === ''
}

/** @param {Card} card @param {string} id @param {string} text */
function show(card, id, text) {
  const cell = card.numbers[id]
  if (cell !== undefined) setText(cell, text)
}

/** @param {Card} card @param {Member} member */
function showAddress(card, { listeners }) {
  /** @param {string} listener */
  const of = (listener) => (listeners.length > 1 ? ` (${visible(listener)})` : '')
  const standing = listeners.filter(({ address }) => address !== '')
  const missing = listeners.filter(({ address }) => address === '')
  const addresses = standing.map(({ listener, address }) => `${visible(address)}${of(listener)}`)
  const parts = [
    addresses.length === 0 ? '' : `Clients reach it at ${addresses.join(', ')}.`,
    ...missing.map(({ listener, reason }) => `Clients can’t reach it${of(listener)}: ${visible(reason)}.`),
  ]
  setText(card.address, parts.filter((part) => part !== '').join(' '))
  card.address.hidden = listeners.length === 0
  card.address.classList.toggle('bad', missing.length > 0)
}

/** @param {Member} member */
function notesOf({ role, isSeed, isHidden, isArbiter, tags, host }) {
  const notes = [
    isSeed ? 'only configured, not named by the set' : '',
    isHidden ? 'hidden' : '',
    isArbiter && role !== 'arbiter' ? 'arbiter' : '',
    ...Object.entries(tags).map(([name, value]) => `${visible(name)}=${visible(value)}`),
    host === null || host.connections === 0 ? '' : counted(host.connections, 'connection'),
    host === null || host.failures === 0
      ? ''
      : `${count(host.failures)} failed of ${count(host.operations)} operations`,
  ]
  return notes.filter((note) => note !== '').join(', ')
}
