/* What is left in the memory that jansson gives back: keys travel to the helpers as JSON. */
#pragma once

/* From here on jansson leaves nothing in it. Before its first use. */
void json_memory_init(void);
