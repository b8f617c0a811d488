/* Every typed rule, for the element type REAL; see real_support.h. A new family of functions gets a file of its own. */
#include "real_support.h"

#include "real_answers.h"
#include "real_arguments.h"
#include "real_batch.h"
#include "real_bits.h"
#include "real_calibrate.h"
#include "real_certify.h"
#include "real_diagnostics.h"
/* Its groups are used by the next one. */
#include "real_groups.h"
#include "real_everything.h"
#include "real_modes.h"
#include "real_sharded.h"
#include "real_struct_size.h"

#undef EXPECT_ERROR
#undef SOLVE
#undef EXPECT_WEIGHTS
#undef EXPECT_CERTIFY_ERROR
#undef EXPECT_CALIBRATE_ERROR
