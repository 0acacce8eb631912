/* JSON text to jansson's values, for large configurations: what is plain (and almost all is) in a
 * fraction of jansson's time, every other token by jansson itself. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#define TREE_DEPTH_MAX 32

/* The text's value; NULL when it is not JSON, when an object in it has a key twice, or when it is
 * nested deeper than TREE_DEPTH_MAX: which it is, is for slower means to find out. What is accepted
 * here, jansson accepts, with the same value. */
json_t *tree_parse(const char *text, size_t len);
