/* IPVS tables for tests: made by hand or at random, compared, freed. The random ones hold only what
 * a kernel takes, so that the property test and the kernel check see the same tables. */
#pragma once

#include "core/service_model.h"

/* splitmix64: the same numbers everywhere for the same seed. */
struct rng {
	uint64_t state;
};
uint64_t rng_next(struct rng *rng);
uint32_t rng_below(struct rng *rng, uint32_t bound);
bool rng_percent(struct rng *rng, uint32_t percent);

#define TABLE_SERVICES_MAX 24
#define TABLE_DESTS_MAX 8 /* of each service */

/* A service with its servers beside it, easier to change than an ipvs_table. */
struct table_service {
	struct ipvs_service service;
	struct ipvs_dest dests[TABLE_DESTS_MAX];
	size_t n_dests;
};

struct table_model {
	struct table_service services[TABLE_SERVICES_MAX];
	size_t n_services;
};

/* What each random table draws from: the same few keys, so that two tables have much in common. */
void table_model_random(struct rng *rng, struct table_model *ret);
/* A copy in which each part may have changed, gone or come: what a reload or a verdict asks for. */
void table_model_vary(struct rng *rng, struct table_model *from, struct table_model *ret);
/* NULL when there is none. */
struct table_service *table_model_find(struct table_model *m, const struct ipvs_service_key *key);
struct ipvs_dest *table_service_find(struct table_service *s, const struct ipvs_dest_key *key);

/* The model as a sorted table on the heap. */
void table_of_model(const struct table_model *model, struct ipvs_table *ret);
/* One more model in the same table, of other services. */
void table_add_model(struct ipvs_table *t, const struct table_model *model);
void table_free(struct ipvs_table *t);

/* Whether both hold the same services and servers, counters aside. */
bool tables_equal(const struct ipvs_table *a, const struct ipvs_table *b);
bool services_equal(const struct ipvs_service *a, const struct ipvs_service *b);
bool dests_equal(const struct ipvs_dest *a, const struct ipvs_dest *b);
