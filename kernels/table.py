"""What the compiled step reads: an int64 table of sizes and addresses, and a row of addresses for every layer.

Names of places, in order. An address of 0 means that there is none.
"""

(
    JOB,  # what to do, see below
    PRECISION,  # of weights: 0 fp32, 1 bf16, 2 int8
    THREADS,
    COUNTER,  # where threads meet: an int64 on a line of its own
    SEMAPHORES,  # one line per thread
    SCRATCH,  # of the first thread; the others follow
    SCRATCH_BYTES,  # of one thread
    NORMED,  # places in the scratch
    NARROWED,
    X_SCALES,
    SUMS,
    SCORES,
    HERE,  # where this table is
    LAYER_TABLE,
    LAYERS,
    WIDTH,  # true width, which norms are taken over
    PADDED,  # width in memory
    HEADS,
    HEAD,  # head width in memory
    HEAD_SCALE_BITS,  # of a float32: what scores are multiplied by
    INNER,
    OUTPUTS,
    ROWS,
    CONDITIONED,
    POSITION,
    POSITIONS,
    TOKENS,
    HIDDEN,  # per row: how many of the first positions it does not see
    LENGTHS,  # per conditioned row: how many tokens of the context it sees
    KEYS,  # caches
    VALUES,
    CACHE_BYTES,  # of one number in a cache
    STREAM,  # (rows, padded width): what layers add to
    PROJECTED,  # (rows, 3, heads, head)
    ATTENDED,  # (rows, heads, head)
    EXPANDED,  # (rows, inner)
    LOGITS,  # (rows, outputs)
    HEAD_WORDS,
    HEAD_SCALES,
    HEAD_SUMS,
    FINAL_WEIGHT,
    FINAL_BIAS,
    PRODUCT_X,  # one product on its own
    PRODUCT_Y,
    PRODUCT_INPUTS,
    READ_FROM,
    READ_BYTES,
    SIZE,
) = range(48)

STEP, PRODUCT, ATTEND, READ, CLOSE = range(5)  # jobs

# Of a layer: three places for each matrix (words, scales, sums), two for each norm, two for the context.
QKV, OUT, CROSS_QUERY, CROSS_OUT, UP, DOWN = range(0, 18, 3)
NORM_SELF, NORM_CROSS, NORM_INNER = range(18, 24, 2)
CONTEXT_KEYS, CONTEXT_VALUES = 24, 25
LAYER_SIZE = 26
