/** The limits of this program, each with its unit. What is one past a limit is refused, and the refusal names the limit. */
const KIB = 1024;

/** How large a request's body may be. Larger ones are answered 413. */
export const BODY_BYTES_MAX = 32 * KIB * KIB;
/** How long a key may be, in UTF-8. Percent-encoded it still fits in a request line. */
export const KEY_BYTES_MAX = KIB;
/** How long the name of a namespace may be, in UTF-8. */
export const NAMESPACE_BYTES_MAX = 256;
/** How large the metadata of a memory may be as JSON. A listing reads nothing but these. */
export const METADATA_BYTES_MAX = 64 * KIB;
/** How many memories a listing or a search gives at most, when it is asked for so many. */
export const LIST_MEMORIES_MAX = 1_000_000;
/** How many a listing gives when it is not asked for a number. */
export const LIST_MEMORIES_DEFAULT = 100;
/** How many a search gives when it is not asked for a number. */
export const SEARCH_MEMORIES_DEFAULT = 10;
/** How many memories the personality `head` has in RAM. The oldest goes for the next one. */
export const ESR_MEMORIES_MAX = 10_000;
/** How long the fault `slow` may hold a request. */
export const DELAY_MS_MAX = 60_000;
