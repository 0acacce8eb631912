/* What the kernel has, without dumping it: what was brought there for the configuration in force.
 * The few services of which that says nothing are asked about by their names. */
#pragma once

#include "director/table/desired.h"

struct ipvs;

struct known {
	struct desired_input before; /* in force, and carried out */
	const size_t *order;         /* desired_order() of its configuration */
	/* Not carried out yet, or not successfully. */
	bool (*is_doubtful)(size_t service, void *userdata);
	void *userdata;
};

/* The table as far as those services go that were in force, or that *now wants (`order`: its
 * desired_order()). Returns 1 with the table, sorted, to be released with ipvs_table_done(); 0: too
 * many would have to be asked about, a dump is cheaper; or -errno. */
int known_table(const struct known *k, const struct desired_input *now, const size_t *order,
	struct ipvs *v, struct ipvs_table *ret);
