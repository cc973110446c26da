/* SPDX-License-Identifier: MIT
 *
 * ap_atomic.h: the public header. C and Cython code of other projects includes this one.
 */
#include "atomic/ap_atomic.h"
