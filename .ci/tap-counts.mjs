// Prints `N passed, N failed, N skipped` for a TAP file.
//   node .ci/tap-counts.mjs FILE EXIT_CODE
import { countTapFile } from '../test/real/support/tap-counts.mjs'

const [file = '', exitCode = '1'] = process.argv.slice(2)
const { passed, failed, skipped } = countTapFile(file, Number(exitCode))
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
