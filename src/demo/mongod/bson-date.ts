/** BSON's date type is JavaScript's; the moment in it still comes from a Clock. */
// biome-ignore lint/style/noRestrictedGlobals: the type of the value on the wire, not a source of time
export type BsonDate = Date

export function bsonDate(wallMs: number): BsonDate {
  // biome-ignore lint/style/noRestrictedGlobals: as above
  return new Date(wallMs)
}
