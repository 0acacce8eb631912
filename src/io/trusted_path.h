/* Whether somebody else could change what a path leads to: a program that is run with privileges
 * must be where nobody but root can put another one. */
#pragma once

#define TRUSTED_PATH_WHY_MAX 300

/* Looks at each directory on the way, each symbolic link and the program itself: all must belong to
 * root, or to who asks, and nobody else may write to them, except root's own group. The program
 * must be a regular file that may be executed. Directories above `top`, a path without a slash at
 * its end, are taken as they are; "" is all of them. 0; -EPERM or another -errno with the component
 * and what is wrong with it in ret_why. */
int trusted_path_check(
	const char *top, const char *path, char ret_why[static TRUSTED_PATH_WHY_MAX]);
