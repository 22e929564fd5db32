import { accessSync, constants, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { isMapping, type Path } from './path.js'
import type { Report } from './problems.js'

export const DOES_NOT_EXIST = 'does not exist'

/** Keys of `tls` sections that name a file; relative ones were resolved against the config file before. */
export const TLS_FILE_KEYS: readonly string[] = ['ca', 'cert', 'key']

export function checkTlsFiles(path: Path, tls: unknown, error: Report): void {
  if (!isMapping(tls)) return
  for (const key of TLS_FILE_KEYS) {
    const file = tls[key]
    if (typeof file !== 'string' || file === '') continue
    const fault = readFault(file)
    if (fault !== '') error([...path, key], 'value', `${file} ${fault}`, 'name a PEM file that this user may read')
  }
}

/** Why a file can't be appended to; '' when it can, or can be made. */
export function appendFault(file: string): string {
  try {
    if (statSync(file).isDirectory()) return 'is a folder'
    accessSync(file, constants.W_OK)
    return ''
  } catch (error) {
    const code = codeOf(error)
    return code === 'ENOENT' ? folderFault(dirname(file)) : `can not be written (${code})`
  }
}

function folderFault(folder: string): string {
  try {
    if (!statSync(folder).isDirectory()) return `can not be made: ${folder} is no folder`
    accessSync(folder, constants.W_OK | constants.X_OK)
    return ''
  } catch (error) {
    const code = codeOf(error)
    return code === 'ENOENT' ? `can not be made: its folder ${DOES_NOT_EXIST}` : `can not be made (${code})`
  }
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '')

/** Why a file can't be read; '' when it can. */
export function readFault(file: string): string {
  try {
    if (!statSync(file).isFile()) return 'is no file'
    accessSync(file, constants.R_OK)
    return ''
  } catch (error) {
    const code = codeOf(error)
    return code === 'ENOENT' ? DOES_NOT_EXIST : `can not be read (${code})`
  }
}
