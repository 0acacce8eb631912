/* What a reload would do, without doing it: the operations on the table from the same job that
 * would carry them out, and what would differ beside it. A file comes as text from who asks: the
 * director reads as root, and sees other directories than a caller does. */
#include "director/election/moved.h"
#include "director/state.h"

#include "director/config/error_list.h"
#include "director/config/load.h"
#include "director/table/settings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LISTED_MAX 1000 /* of the operations; all are counted */

struct plan {
	struct control_call *call;
	struct load *load;           /* NULL: it was read */
	struct candidate *candidate; /* from then on, until its turn has come */
	json_t *operations;
};

static void plan_free(struct plan *p)
{
	json_decref(p->operations);
	load_cancel(p->load);
	candidate_free(p->candidate);
	free(p);
}

static void on_loaded(struct candidate *candidate, const struct conf_errors *errors, void *userdata)
{
	struct director *d = userdata;
	struct plan *p = d->plan;

	p->load = NULL;
	p->candidate = candidate;
	if (candidate) {
		work_next(d);
		return;
	}
	d->plan = NULL;
	control_error(p->call, "PlanFailed", json_pack("{s:o}", "errors", error_list(errors)));
	plan_free(p);
}

void plan_request(struct director *d, struct control_call *call, const json_t *parameters)
{
	const json_t *text = json_object_get(parameters, "text");
	const struct load_request request = {.path = d->options->config,
		.text = json_string_value(text),
		.text_len = json_string_length(text),
		.node = d->options->node};
	struct plan *p;

	if (d->plan) {
		control_error(call, "Busy", NULL);
		return;
	}
	p = calloc(1, sizeof(*p));
	if (!p || load_begin(d->loop, &request, on_loaded, d, &p->load) < 0) {
		free(p);
		control_error(call, "OutOfMemory", NULL);
		return;
	}
	p->call = call;
	p->operations = json_array();
	d->plan = p;
}

bool plan_waits(const struct director *d)
{
	return d->plan && d->plan->candidate && !reload_is_under_way(d);
}

struct candidate *plan_begin(struct director *d)
{
	struct candidate *c = d->plan->candidate;

	d->plan->candidate = NULL;
	return c;
}

static json_t *operation_to_json(const struct ipvs_op *op)
{
	char service[IPVS_KEY_TEXT_MAX], server[IPVS_KEY_TEXT_MAX];
	json_t *o = json_pack("{s:s, s:s}", "operation", ipvs_op_name(op->kind), "service",
		ipvs_service_key_format(&op->service->key, service));

	if (op->dest)
		(void)json_object_set_new(
			o, "server", json_string(ipvs_dest_key_format(&op->dest->key, server)));
	if (op->kind == IPVS_OP_ADD_DEST || op->kind == IPVS_OP_SET_DEST) {
		(void)json_object_set_new(o, "weight", json_integer(op->dest->weight));
		(void)json_object_set_new(
			o, "forward", json_string(ipvs_forward_name(op->dest->forward)));
	}
	if (op->kind == IPVS_OP_ADD_SERVICE || op->kind == IPVS_OP_SET_SERVICE)
		(void)json_object_set_new(o, "scheduler", json_string(op->service->scheduler));
	return o;
}

void plan_operation(struct director *d, const struct ipvs_op *op)
{
	if (d->plan && json_array_size(d->plan->operations) < LISTED_MAX)
		(void)json_array_append_new(d->plan->operations, operation_to_json(op));
}

static void add_address(json_t *set, const struct conf_router *router, const char *interface,
	const struct addr_prefix *prefix)
{
	char text[ADDR_PREFIX_TEXT_MAX], key[ADDR_PREFIX_TEXT_MAX + 32];

	(void)snprintf(key, sizeof(key), "%s %s", addr_prefix_format(prefix, text), interface);
	(void)json_object_set_new(set, key,
		json_pack("{s:s, s:s, s:s}", "address", text, "interface", interface, "router",
			router->name));
}

static void add_addresses(json_t *set, const struct conf_router *router,
	const struct conf_address *addresses, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_address(
			set, router, moved_interface(router, &addresses[i]), &addresses[i].prefix);
}

/* Every address that moves with a virtual router: "ADDRESS INTERFACE" -> its description. */
static json_t *addresses_of(const struct conf *conf)
{
	json_t *set = json_object();

	for (size_t i = 0; i < conf->n_routers; i++) {
		const struct conf_router *r = &conf->routers[i];

		add_addresses(set, r, r->addresses, r->n_addresses);
		add_addresses(set, r, r->excluded, r->n_excluded);
		for (size_t k = 0; k < r->n_snat; k++)
			add_address(set, r, moved_snat_interface(r), &r->snat[k]);
	}
	return set;
}

static void add_missing(json_t *array, json_t *of, const json_t *in, const char *operation)
{
	const char *key;
	json_t *item;

	json_object_foreach (of, key, item) {
		if (json_object_get(in, key))
			continue;
		(void)json_object_set_new(item, "operation", json_string(operation));
		(void)json_array_append(array, item);
	}
}

static json_t *addresses_to_json(const struct director *d)
{
	json_t *now = addresses_of(d->conf), *then = addresses_of(d->candidate->conf);
	json_t *array = json_array();

	add_missing(array, then, now, "add-address");
	add_missing(array, now, then, "delete-address");
	json_decref(now);
	json_decref(then);
	return array;
}

static void on_setting(const char *name, const char *now, const char *then, void *userdata)
{
	(void)json_array_append_new(
		userdata, json_pack("{s:s, s:s, s:s}", "name", name, "now", now, "then", then));
}

static json_t *settings_to_json(struct director *d)
{
	json_t *array = json_array();

	settings_differ(d->candidate->conf, on_setting, array);
	forwarding_timeouts_differ(d, d->candidate->conf, on_setting, array);
	return array;
}

void plan_finish(struct director *d, const struct job_counts *counts)
{
	struct plan *p = d->plan;
	json_t *addresses = addresses_to_json(d), *settings = settings_to_json(d);
	json_t *refusal = reload_guard(d->candidate->conf, counts);
	const char *nftables = forwarding_difference(d, d->candidate->conf);
	bool differs = counts->operations > 0 || json_array_size(addresses) > 0 ||
		       json_array_size(settings) > 0 || nftables;

	d->plan = NULL;
	control_reply(p->call,
		json_pack("{s:b, s:{s:I, s:I, s:I, s:I, s:I}, s:O, s:o, s:o, s:s?, s:o}", "changes",
			differs, "counts", "operations", (json_int_t)counts->operations,
			"added_services", (json_int_t)counts->add_services, "deleted_services",
			(json_int_t)counts->delete_services, "added_servers",
			(json_int_t)counts->add_servers, "deleted_servers",
			(json_int_t)counts->delete_servers, "ipvs", p->operations, "addresses",
			addresses, "sysctls", settings, "nftables", nftables, "refused",
			refusal ? json_incref(json_array_get(refusal, 0)) : json_null()));
	json_decref(refusal);
	plan_free(p);
}

void plan_cancel(struct director *d, const char *error)
{
	struct plan *p = d->plan;

	if (!p)
		return;
	d->plan = NULL;
	control_error(p->call, error, NULL);
	plan_free(p);
}
