/* SPDX-License-Identifier: MIT
 *
 * suite.h - how every test program ends.
 */
#ifndef SUITE_H
#define SUITE_H

#include <check.h>

/* Run a suite and free it; what main returns: 0 if nothing failed. */
static inline int run_all(Suite *suite)
{
    SRunner *runner = srunner_create(suite);

    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

#endif
