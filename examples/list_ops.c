/* SPDX-License-Identifier: MIT
 *
 * list_ops - every built-in op and what it computes, read from the records.
 */
#include <stdio.h>
#include <string.h>

#include <spool.h>

int main(void)
{
    int width = 0;

    for (int i = 0; sp_op_at(i); i++) {
        int length = (int)strlen(sp_op_at(i)->name);
        if (length > width) width = length;
    }
    for (int i = 0; sp_op_at(i); i++)
        printf("%-*s  %s\n", width, sp_op_at(i)->name, sp_op_at(i)->maths);
    return 0;
}
