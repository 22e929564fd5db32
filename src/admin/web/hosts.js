// @ts-check
// Clusters whose hosts are checked: a card for each host, in the cluster's own order.

import { count, duration, element, make, perSecond, setText, visible } from './format.js'

/**
 * @typedef {{rate: number, p50Ms: number | null, p99Ms: number | null, isRecent: boolean}} Traffic
 * @typedef {{name: string, isUsable: boolean, connections: number, operations: number, failures: number,
 *   health: {state: string, reason: string} | null, traffic: Traffic | null}} Host
 * @typedef {{name: string, isPanic: boolean, hosts: Host[]}} Checked
 * @typedef {{root: HTMLElement, summary: HTMLElement, list: HTMLElement, cards: Map<string, Card>}} Frame
 * @typedef {{root: HTMLElement, health: HTMLElement, reason: HTMLElement, notes: HTMLElement}} Card
 */

/** By cluster; kept, so that what is selected or folded stays so. @type {Map<string, Frame>} */
const frames = new Map()

/** @param {Checked[]} clusters */
export function showHosts(clusters) {
  const root = element('hosts')
  root.hidden = clusters.length === 0
  keepOnly(frames, new Set(clusters.map(({ name }) => name)))
  clusters.forEach((cluster, at) => {
    const frame = frameFor(cluster.name)
    showCluster(frame, cluster)
    if (root.children[at] !== frame.root) root.insertBefore(frame.root, root.children[at] ?? null)
  })
  // Read out when it changes.
  setText(element('host-news'), clusters.map((one) => `Cluster ${visible(one.name)}: ${summaryOf(one)}`).join(' '))
}

/** @param {Map<string, {root: HTMLElement}>} shown @param {Set<string>} names */
function keepOnly(shown, names) {
  for (const [name, { root }] of shown) {
    if (names.has(name)) continue
    root.remove()
    shown.delete(name)
  }
}

/** @param {string} cluster */
function frameFor(cluster) {
  const known = frames.get(cluster)
  if (known !== undefined) return known
  const summary = make('span', 'summary')
  const list = make('ul', 'members')
  // Without bullets some readers take it for no list.
  list.setAttribute('role', 'list')
  const title = make('summary', '', make('h2', '', `Hosts of ${visible(cluster)}`), ' ', summary)
  const root = make('details', 'set', title, list)
  root.open = true
  /** @type {Frame} */
  const frame = { root, summary, list, cards: new Map() }
  frames.set(cluster, frame)
  return frame
}

/** @param {Host} host */
function isUnhealthy({ health }) {
  return health?.state === 'unhealthy'
}

/** @param {Checked} cluster */
function summaryOf({ hosts, isPanic }) {
  if (isPanic) return 'No host is usable: all are used.'
  const healthy = hosts.filter(({ health }) => health?.state === 'healthy').length
  return `${healthy} of ${hosts.length} healthy.`
}

/** @param {Frame} frame @param {Checked} cluster */
function showCluster(frame, cluster) {
  const { hosts, isPanic } = cluster
  setText(frame.summary, summaryOf(cluster))
  frame.summary.classList.toggle('bad', isPanic)
  frame.summary.classList.toggle('warn', !isPanic && hosts.some(isUnhealthy))
  keepOnly(frame.cards, new Set(hosts.map(({ name }) => name)))
  hosts.forEach((host, at) => {
    const card = cardFor(frame, host.name)
    showHost(card, host)
    if (frame.list.children[at] !== card.root) frame.list.insertBefore(card.root, frame.list.children[at] ?? null)
  })
}

/** @param {Frame} frame @param {string} name */
function cardFor(frame, name) {
  const known = frame.cards.get(name)
  if (known !== undefined) return known
  const health = make('span', 'health')
  const reason = make('p', 'reason')
  const notes = make('p', 'notes')
  const root = make('li', 'member', make('h3', '', visible(name)), make('p', 'marks', health), reason, notes)
  /** @type {Card} */
  const card = { root, health, reason, notes }
  frame.cards.set(name, card)
  return card
}

/** @param {Card} card @param {Host} host */
function showHost(card, host) {
  const { health, traffic, connections, operations, failures } = host
  const state = health?.state ?? 'unknown'
  card.root.classList.toggle('down', isUnhealthy(host))
  card.health.className = `health ${state === 'healthy' ? 'up' : state === 'unhealthy' ? 'bad' : ''}`
  setText(card.health, state === 'unknown' ? 'not checked yet' : state)
  setText(card.reason, visible(health?.reason ?? ''))
  card.reason.hidden = card.reason.textContent === ''
  const notes = [
    traffic === null ? '' : `${perSecond(traffic.rate)} operations per second, p99 ${duration(traffic.p99Ms)}`,
    `${count(connections)} connection${connections === 1 ? '' : 's'}`,
    failures === 0 ? '' : `${count(failures)} failed of ${count(operations)} operations`,
  ]
  setText(card.notes, notes.filter((note) => note !== '').join(', '))
}
