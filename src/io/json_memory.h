/* Where jansson's memory comes from, and what is left in it: keys travel to the helpers as JSON. */
#pragma once

#include <stdbool.h>

/* From here on jansson leaves nothing in the memory that it gives back. Before its first use. */
void json_memory_init(void);

/* Until json_region_end() this thread's jansson takes what it needs from a region, which is given
 * back as a whole: for a large text whose nodes are made, read and forgotten. Nothing that was made
 * meanwhile may be used after it, nor be given to free(), the text of a json_dumps() included. None
 * of it needs a json_decref(), each of which would cost as much as making the node did. False, and
 * everything is as before, without json_memory_init(), and within another region. */
bool json_region_begin(void);
void json_region_end(void);
