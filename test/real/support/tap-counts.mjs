// Counts of a TAP file as tap 21 writes it: one root entry per test file, its tests one level below.
import { existsSync, readFileSync } from 'node:fs'

/**
 * A test is an entry one level below a file: a subtest with all its assertions, or an assertion made outside of any.
 * A file that failed without a failing test (crash, timeout, nothing in it) counts as one failure.
 * @param {string} text
 * @returns {{passed: number, failed: number, skipped: number, files: number, skips: string[]}}
 */
export function countTap(text) {
  const counts = { passed: 0, failed: 0, skipped: 0, files: 0, skips: [] }
  let failedInFile = 0
  let yamlIndent = -1
  for (const line of text.split('\n')) {
    const indent = line.length - line.trimStart().length
    if (yamlIndent >= 0) {
      if (indent === yamlIndent && line.trim() === '...') yamlIndent = -1
      continue
    }
    if (line.trim() === '---') {
      yamlIndent = indent
      continue
    }
    const entry = /^( *)(not )?ok \d+(.*)$/.exec(line)
    if (entry === null || (indent !== 0 && indent !== 4)) continue
    const isFailure = entry[2] !== undefined
    const skip = /# (?:SKIP|TODO)\b ?(.*)$/i.exec(entry[3] ?? '')
    if (indent === 4 || skip !== null) {
      if (skip !== null) {
        counts.skipped += 1
        counts.skips.push((entry[3] ?? '').replace(/^[ -]+/, ''))
      } else if (isFailure) {
        counts.failed += 1
        failedInFile += 1
      } else counts.passed += 1
    }
    if (indent !== 0) continue
    counts.files += 1
    if (isFailure && failedInFile === 0) counts.failed += 1
    failedInFile = 0
  }
  return counts
}

/** A run that left no file, or ended red without a failing test in it, is one failure: a count may not look better than its run. */
export function countTapFile(path, exitCode) {
  const counts = countTap(existsSync(path) ? readFileSync(path, 'utf8') : '')
  if ((exitCode !== 0 || counts.files === 0) && counts.failed === 0) counts.failed = 1
  return counts
}

/**
 * The failures of a TAP file as text for a log: each failed entry with its file, its test and its diagnostics. Quiet where a parent
 * only failed because of what is in it.
 * @param {string} path
 */
export function failuresOf(path) {
  const shown = []
  const names = []
  let yamlIndent = -1
  let isShowing = false
  let depthShown = -1
  for (const line of (existsSync(path) ? readFileSync(path, 'utf8') : `no TAP at ${path}`).split('\n')) {
    const indent = line.length - line.trimStart().length
    if (yamlIndent >= 0) {
      if (isShowing) shown.push(line)
      if (indent === yamlIndent && line.trim() === '...') yamlIndent = -1
    } else if (line.trim() === '---') {
      yamlIndent = indent
    } else if (/^ *# Subtest: /.test(line)) {
      names.length = indent / 4
      names.push(line.replace(/^ *# Subtest: /, ''))
      depthShown = -1
    } else if (/^ *not ok \d+/.test(line) && !/# (SKIP|TODO)/i.test(line)) {
      isShowing = indent / 4 >= depthShown
      if (!isShowing) continue
      depthShown = indent / 4
      shown.push('', names.slice(0, indent / 4).join(' > '), line.trim())
    } else if (/^ *ok \d+/.test(line)) isShowing = false
  }
  return shown.join('\n')
}
