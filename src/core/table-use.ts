/** What one operation did to one table (collection). */
export interface TableUse {
  readonly table: string
  /** '' for the table itself. */
  readonly index: string
  /** Capacity units that the reply told; 0 when it told none. */
  readonly readUnits: number
  readonly writeUnits: number
  /** Keys or items in the request, and those that the reply gave back undone. */
  readonly items: number
  readonly unprocessed: number
}
