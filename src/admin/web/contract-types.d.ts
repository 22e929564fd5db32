/** Of Node.js: named in contracts that the page's types lead to. The page never meets one. */
type Buffer = Uint8Array
