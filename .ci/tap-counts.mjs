// Prints `N passed, N failed, N skipped` for a TAP file, and its failures to stderr.
//   node .ci/tap-counts.mjs FILE EXIT_CODE
import { countTapFile, failuresOf } from '../test/real/support/tap-counts.mjs'

const [file = '', exitCode = '1'] = process.argv.slice(2)
const { passed, failed, skipped } = countTapFile(file, Number(exitCode))
if (failed > 0) console.error(failuresOf(file))
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
