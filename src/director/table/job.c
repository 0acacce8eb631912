/* The job as a machine of small steps. What is wanted is never a whole table: each portion is built
 * when its turn comes, so that a verdict or a role that changed meanwhile counts, and memory and
 * time of a step do not grow with the table. Services are deleted last: the last one of a family
 * takes the kernel's packet hooks along. */
#include "director/table/job.h"

#include "base/cleanup.h"
#include "io/clock.h"

#include <errno.h>
#include <stdlib.h>

#define PORTION 64        /* services planned at once */
#define NAMES_AT_ONCE 256 /* recorded in a step */
#define BATCH_FIRST 64    /* operations in a send; fits itself to how long they take */
#define BATCH_MAX 512
#define SEND_SHORT_US 1500 /* twice as many are not too long then */
#define SEND_LONG_US 3000

enum state {
	STATE_KNOW,
	STATE_DUMP,
	STATE_COUNT,
	STATE_WAIT, /* for job_go_on() */
	STATE_RECORD_WANTED,
	STATE_RECORD_FOUND,
	STATE_RECORD_WRITE,
	STATE_APPLY,
	STATE_DELETE,
	STATE_FORGET,
	STATE_FORGET_WRITE,
	STATE_DONE,
};

/* The part of both tables that is under way. */
struct portion {
	size_t want, want_end; /* in the order */
	size_t have, have_end; /* in the table found */
	size_t *services;      /* indices of those that are wanted and not left alone */
	size_t n_services;
	struct ipvs_table table; /* what is wanted of them */
	struct ipvs_op *ops;
	size_t n_ops, done;
};

struct job {
	struct balancer *balancer;
	struct job_input in;
	const struct job_handler *handler;
	void *userdata;
	enum state state;
	struct ipvs *ipvs;
	struct ipvs_dumping *dumping;
	struct ipvs_table have;
	struct portion portion;
	size_t next;       /* of the states that walk names */
	bool *alone;       /* by index in conf->services: not ours to touch */
	bool *troubled;    /* failed in this job */
	uint32_t *refused; /* likewise: servers that could not be added */
	struct ipvs_op *deletes;
	size_t n_deletes, deletes_size, deleted;
	struct ipvs_service *unseen; /* recorded, not wanted, and not in the dump */
	struct ipvs_failure failures[BATCH_MAX];
	size_t batch;
	struct job_counts counts;
	size_t own_found; /* services of ours, those that are not counted included */
	size_t operations, n_failures;
	size_t unrecorded; /* wanted, and not recorded as ours */
	size_t unwanted;   /* services to be deleted */
	bool stale;
	bool is_known; /* `have` was not dumped */
};

static const struct conf *conf_of(const struct job *j)
{
	return j->in.desired.conf;
}

static const struct ipvs_service_key *key_at(const struct job *j, size_t place)
{
	return &conf_of(j)->services[j->in.order[place]].key;
}

/* The first place in the order whose key is not below `key`. */
static size_t place_of(const struct job *j, const struct ipvs_service_key *key)
{
	size_t low = 0, high = conf_of(j)->n_services;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ipvs_service_key_compare(key_at(j, middle), key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t service_of(const struct job *j, const struct ipvs_service_key *key)
{
	size_t place = place_of(j, key);

	if (place == conf_of(j)->n_services || ipvs_service_key_compare(key_at(j, place), key) != 0)
		return CONF_NONE;
	return j->in.order[place];
}

static bool may_delete(const struct ipvs_service_key *key, void *userdata)
{
	const struct job *j = userdata;
	size_t service;

	if (!conf_of(j)->ipvs.owned_table && !record_has(&j->balancer->record, key))
		return false;
	service = service_of(j, key);
	return service == CONF_NONE || !j->alone[service];
}

static int add_delete(struct job *j, const struct ipvs_op *op)
{
	if (j->n_deletes == j->deletes_size) {
		size_t size = j->deletes_size ? 2 * j->deletes_size : PORTION;
		struct ipvs_op *bigger = reallocarray(j->deletes, size, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		j->deletes = bigger;
		j->deletes_size = size;
	}
	j->deletes[j->n_deletes++] = *op;
	return 0;
}

static void clear_portion(struct portion *p)
{
	desired_done(&p->table);
	free(p->ops);
	p->ops = NULL;
	p->n_ops = p->done = p->n_services = 0;
}

/* The next PORTION of either table, ended where both have the same range of keys. */
static void set_bounds(struct job *j)
{
	struct portion *p = &j->portion;
	size_t n_want = conf_of(j)->n_services, n_have = j->have.n_services;

	p->want = p->want_end;
	p->have = p->have_end;
	p->want_end = n_want - p->want < PORTION ? n_want : p->want + PORTION;
	p->have_end = n_have - p->have < PORTION ? n_have : p->have + PORTION;
	if (p->want_end < n_want &&
		(p->have_end == n_have || ipvs_service_key_compare(key_at(j, p->want_end),
						  &j->have.services[p->have_end].key) < 0))
		p->have_end = ipvs_table_seek(&j->have, key_at(j, p->want_end));
	else if (p->have_end < n_have)
		p->want_end = place_of(j, &j->have.services[p->have_end].key);
}

static int build_wanted(struct job *j)
{
	struct portion *p = &j->portion;
	struct desired_input in = j->in.desired;

	for (size_t i = p->want; i < p->want_end; i++)
		if (!j->alone[j->in.order[i]])
			p->services[p->n_services++] = j->in.order[i];
	in.only = p->services;
	in.n_only = p->n_services;
	return desired_build(&in, &p->table);
}

/* Plan the next portion; deletions of services are put off. 1, 0 at the end, or -errno. */
static int plan_portion(struct job *j)
{
	struct portion *p = &j->portion;
	struct ipvs_table have = {.dests = j->have.dests};
	int r;

	clear_portion(p);
	if (p->want_end == conf_of(j)->n_services && p->have_end == j->have.n_services)
		return 0;
	set_bounds(j);
	r = build_wanted(j);
	if (r < 0)
		return r;
	have.services = j->have.n_services ? &j->have.services[p->have] : NULL;
	have.n_services = p->have_end - p->have;
	for (size_t i = 0; i < have.n_services; i++)
		have.n_dests += have.services[i].n_dests;
	p->ops = calloc(ipvs_plan_max(&p->table, &have) + 1, sizeof(*p->ops));
	if (!p->ops)
		return -ENOMEM;
	p->n_ops = ipvs_plan(&p->table, &have, may_delete, j, p->ops);
	return 1;
}

static void rewind_portions(struct job *j)
{
	clear_portion(&j->portion);
	j->portion.want_end = j->portion.have_end = 0;
}

static void count_op(struct job *j, const struct ipvs_op *op)
{
	struct job_counts *c = &j->counts;

	c->operations++;
	j->unwanted += op->kind == IPVS_OP_DEL_SERVICE;
	if (conf_is_path_mark(op->service->key.fwmark))
		return; /* nobody is told of paths */
	c->add_services += op->kind == IPVS_OP_ADD_SERVICE;
	c->add_servers += op->kind == IPVS_OP_ADD_DEST;
	c->delete_services += op->kind == IPVS_OP_DEL_SERVICE;
	c->delete_servers += op->kind == IPVS_OP_DEL_DEST;
	if (op->kind == IPVS_OP_DEL_SERVICE)
		c->delete_servers += op->service->n_dests;
	if (j->handler->planned)
		j->handler->planned(op, j->userdata);
}

static void count_own(struct job *j)
{
	for (size_t i = j->portion.have; i < j->portion.have_end; i++) {
		const struct ipvs_service *s = &j->have.services[i];

		if (!conf_of(j)->ipvs.owned_table && !record_has(&j->balancer->record, &s->key))
			continue;
		j->own_found++;
		if (conf_is_path_mark(s->key.fwmark))
			continue;
		j->counts.own_services++;
		j->counts.own_servers += s->n_dests;
	}
}

static void count_unrecorded(struct job *j)
{
	const struct portion *p = &j->portion;

	for (size_t i = 0; i < p->table.n_services; i++)
		if (!record_has(&j->balancer->record, &p->table.services[i].key))
			j->unrecorded++;
}

static int step_count(struct job *j)
{
	int r = plan_portion(j);

	if (r < 0)
		return r;
	if (r == 0) {
		j->state = STATE_WAIT;
		return JOB_COUNTED;
	}
	count_own(j);
	count_unrecorded(j);
	for (size_t i = 0; i < j->portion.n_ops; i++)
		count_op(j, &j->portion.ops[i]);
	return JOB_MORE;
}

/* 0: it has to be dumped. */
static int step_know(struct job *j)
{
	int r = j->in.known
			? known_table(j->in.known, &j->in.desired, j->in.order, j->ipvs, &j->have)
			: 0;

	j->is_known = r > 0;
	if (r > 0) {
		j->state = STATE_COUNT;
		return JOB_DUMPED;
	}
	j->state = STATE_DUMP;
	return r < 0 ? r : ipvs_dumping_new(j->ipvs, &j->dumping);
}

static int step_dump(struct job *j, struct instant until)
{
	int r = ipvs_dumping_step(j->dumping, until);

	if (r <= 0)
		return r;
	j->have = ipvs_dumping_take(j->dumping);
	ipvs_dumping_free(j->dumping);
	j->dumping = NULL;
	j->state = STATE_COUNT;
	return JOB_DUMPED;
}

static int keep(struct job *j, const struct ipvs_service_key *key)
{
	char text[IPVS_KEY_TEXT_MAX];

	return json_object_set_new(
		       j->balancer->kept, ipvs_service_key_format(key, text), json_true()) < 0
		       ? -ENOMEM
		       : 0;
}

static int step_record_wanted(struct job *j)
{
	size_t n = conf_of(j)->n_services;
	int r = 0;

	for (size_t i = 0; r == 0 && i < NAMES_AT_ONCE && j->next < n; i++, j->next++) {
		size_t service = j->in.order[j->next];
		const struct ipvs_service_key *key = &conf_of(j)->services[service].key;

		if (!desired_is_programmed(&j->in.desired, service))
			continue;
		r = record_add(&j->balancer->record, key);
		if (r == 0)
			r = keep(j, key);
	}
	if (j->next == n) {
		j->next = 0;
		j->state = STATE_RECORD_FOUND;
	}
	return r;
}

/* A dump that somebody tore misses what is there, and what would be forgotten for that would be
 * nobody's for ever. It is deleted by its name instead: the kernel knows whether there is any. */
static int delete_unseen(struct job *j)
{
	struct balancer *b = j->balancer;
	auto_free struct ipvs_service_key *keys = NULL;
	size_t n;
	int r;

	if (json_object_size(b->kept) == json_object_size(b->record.services))
		return 0;
	r = record_keys(&b->record, b->kept, &keys, &n);
	if (r < 0)
		return r;
	j->unseen = calloc(n + 1, sizeof(*j->unseen));
	if (!j->unseen)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < n; i++) {
		j->unseen[i].key = keys[i];
		r = keep(j, &keys[i]);
		if (r == 0)
			r = add_delete(
				j, &(struct ipvs_op){IPVS_OP_DEL_SERVICE, &j->unseen[i], NULL});
	}
	return r;
}

static int step_record_found(struct job *j)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < NAMES_AT_ONCE && j->next < j->have.n_services;
		i++, j->next++)
		if (record_has(&j->balancer->record, &j->have.services[j->next].key))
			r = keep(j, &j->have.services[j->next].key);
	if (r < 0 || j->next < j->have.n_services)
		return r;
	j->state = STATE_RECORD_WRITE;
	return delete_unseen(j);
}

static int step_record_write(struct job *j, enum state then)
{
	int r = record_is_pending(&j->balancer->record) || then == STATE_DONE
			? record_write_step(&j->balancer->record, NAMES_AT_ONCE)
			: 1;

	if (r > 0)
		j->state = then;
	return r < 0 ? r : JOB_MORE;
}

/* What was there at the dump is gone, or the reverse. */
static bool is_stale(const struct ipvs_failure *f)
{
	switch (f->op->kind) {
	case IPVS_OP_ADD_SERVICE:
		return f->error == -EEXIST;
	case IPVS_OP_ADD_DEST:
		return f->error == -EEXIST || f->error == -ESRCH;
	case IPVS_OP_SET_SERVICE: /* -ENOENT is a scheduler or an engine that this kernel lacks */
		return f->error == -ESRCH;
	case IPVS_OP_SET_DEST:
		return f->error == -ESRCH || f->error == -ENOENT;
	case IPVS_OP_DEL_DEST:
	case IPVS_OP_DEL_SERVICE:
	case IPVS_OP_MAX_:
		break;
	}
	return false;
}

static bool is_gone_anyway(const struct ipvs_failure *f)
{
	return (f->op->kind == IPVS_OP_DEL_DEST || f->op->kind == IPVS_OP_DEL_SERVICE) &&
	       (f->error == -ESRCH || f->error == -ENOENT);
}

/* Of the failures of one service only the first is told: the others follow from it. */
static void take_failure(struct job *j, const struct ipvs_failure *f)
{
	size_t service = service_of(j, &f->op->service->key);

	if (is_gone_anyway(f))
		return;
	j->n_failures++;
	if (service != CONF_NONE && f->op->kind == IPVS_OP_ADD_DEST && f->error != -EEXIST)
		j->refused[service]++;
	if (service != CONF_NONE && j->troubled[service])
		return;
	if (is_stale(f))
		j->stale = true;
	if (service != CONF_NONE)
		j->troubled[service] = true;
	j->handler->failed(service, f, j->userdata);
}

static void fit_batch(struct job *j, uint64_t took_us)
{
	if (took_us < SEND_SHORT_US && j->batch < BATCH_MAX)
		j->batch *= 2;
	else if (took_us > SEND_LONG_US && j->batch > 1)
		j->batch /= 2;
}

/* Some of ops; *done is moved on. */
static int send_some(struct job *j, const struct ipvs_op *ops, size_t n_ops, size_t *done)
{
	struct instant begun = clock_now();
	size_t left = n_ops - *done, n_failures = 0, n = 0;
	int r = ipvs_apply_some(j->ipvs, &ops[*done], left < j->batch ? left : j->batch,
		j->failures, BATCH_MAX, &n_failures, &n);

	j->operations += n;
	*done += n;
	if (r < 0)
		return r;
	for (size_t i = 0; i < n_failures && i < BATCH_MAX; i++)
		take_failure(j, &j->failures[i]);
	fit_batch(j, instant_between_us(begun, clock_now()));
	return JOB_MORE;
}

static void settle_portion(struct job *j)
{
	const struct portion *p = &j->portion;

	for (size_t i = 0; i < p->n_services; i++)
		if (!j->troubled[p->services[i]] && !j->alone[p->services[i]])
			j->handler->settled(p->services[i], j->userdata);
}

/* Deletions of services are at the end of each portion's plan. */
static int put_deletes_off(struct job *j)
{
	struct portion *p = &j->portion;
	size_t n = p->n_ops;
	int r = 0;

	while (n > 0 && p->ops[n - 1].kind == IPVS_OP_DEL_SERVICE)
		n--;
	for (size_t i = n; r == 0 && i < p->n_ops; i++)
		r = add_delete(j, &p->ops[i]);
	p->n_ops = n;
	return r;
}

static size_t refused(const struct ipvs_service *s, void *userdata)
{
	const struct job *j = userdata;
	size_t service = service_of(j, &s->key);

	return service == CONF_NONE ? 0 : j->refused[service];
}

/* What is removed waits for what takes its place. */
static size_t next_stop(struct job *j)
{
	struct portion *p = &j->portion;
	size_t first = ipvs_plan_removals(p->ops, p->n_ops);

	if (p->done < first)
		return first;
	if (p->done == first && first < p->n_ops)
		p->n_ops = first + ipvs_plan_spare(&p->ops[first], p->n_ops - first, refused, j);
	return p->n_ops;
}

static int step_apply(struct job *j)
{
	struct portion *p = &j->portion;
	size_t stop = next_stop(j);
	int r;

	if (p->done < stop)
		return send_some(j, p->ops, stop, &p->done);
	settle_portion(j);
	r = plan_portion(j);
	if (r == 0)
		j->state = STATE_DELETE;
	return r < 0 ? r : put_deletes_off(j);
}

/* Not those that are wanted again by now. */
static bool is_still_unwanted(const struct job *j, const struct ipvs_service_key *key)
{
	size_t service = service_of(j, key);

	return service == CONF_NONE ||
	       (!j->alone[service] && !desired_is_programmed(&j->in.desired, service));
}

static void forget(struct job *j, size_t from, size_t to)
{
	char text[IPVS_KEY_TEXT_MAX];

	for (size_t i = from; i < to; i++)
		(void)json_object_del(j->balancer->kept,
			ipvs_service_key_format(&j->deletes[i].service->key, text));
}

static int step_delete(struct job *j)
{
	size_t before = j->deleted, failures = j->n_failures, kept = before;
	int r;

	for (size_t i = before; i < j->n_deletes; i++)
		if (is_still_unwanted(j, &j->deletes[i].service->key))
			j->deletes[kept++] = j->deletes[i];
	j->n_deletes = kept;
	if (before == j->n_deletes) {
		j->state = STATE_FORGET;
		return JOB_MORE;
	}
	r = send_some(j, j->deletes, j->n_deletes, &j->deleted);
	if (r >= 0 && j->n_failures == failures) /* else they are still ours */
		forget(j, before, j->deleted);
	return r;
}

static int step_forget(struct job *j)
{
	struct balancer *b = j->balancer;

	j->state = STATE_DONE;
	if (b->kept && json_object_size(b->kept) < json_object_size(b->record.services)) {
		record_replace(&b->record, b->kept);
		b->kept = NULL;
		j->state = STATE_FORGET_WRITE;
	}
	return JOB_MORE;
}

static int step(struct job *j, struct instant until)
{
	switch (j->state) {
	case STATE_KNOW:
		return step_know(j);
	case STATE_DUMP:
		return step_dump(j, until);
	case STATE_COUNT:
		return step_count(j);
	case STATE_WAIT:
		return JOB_COUNTED;
	case STATE_RECORD_WANTED:
		return step_record_wanted(j);
	case STATE_RECORD_FOUND:
		return step_record_found(j);
	case STATE_RECORD_WRITE:
		return step_record_write(j, STATE_APPLY);
	case STATE_APPLY:
		return step_apply(j);
	case STATE_DELETE:
		return step_delete(j);
	case STATE_FORGET:
		return step_forget(j);
	case STATE_FORGET_WRITE:
		return step_record_write(j, STATE_DONE);
	case STATE_DONE:
		break;
	}
	return JOB_DONE;
}

int job_step(struct job *j, struct instant until)
{
	int r;

	do
		r = step(j, until);
	while (r == JOB_MORE && !instant_reached(until, clock_now()));
	return r;
}

/* What is recorded is what is wanted and there: no name to record or to forget. */
static bool names_stand(const struct job *j)
{
	return j->unrecorded == 0 && j->unwanted == 0 && !record_is_pending(&j->balancer->record) &&
	       j->own_found == json_object_size(j->balancer->record.services);
}

/* ... and nothing differs. */
static bool is_idle(const struct job *j)
{
	return j->in.quiet && j->counts.operations == 0 && names_stand(j);
}

void job_go_on(struct job *j, const struct job_input *in)
{
	j->in = *in;
	if (is_idle(j)) {
		j->state = STATE_DONE;
		return;
	}
	j->next = 0;
	rewind_portions(j);
	json_decref(j->balancer->kept);
	j->balancer->kept = NULL;
	if (names_stand(j)) {
		j->state = STATE_APPLY;
		return;
	}
	j->balancer->kept = json_object();
	j->state = STATE_RECORD_WANTED;
}

void job_leave_alone(struct job *j, size_t service)
{
	const struct ipvs_service_key *key = &conf_of(j)->services[service].key;
	struct portion *p = &j->portion;
	size_t kept = p->done;

	j->alone[service] = true;
	for (size_t i = p->done; i < p->n_ops; i++)
		if (ipvs_service_key_compare(&p->ops[i].service->key, key) != 0)
			p->ops[kept++] = p->ops[i];
	p->n_ops = kept;
}

static int set_up(struct job *j)
{
	size_t n = conf_of(j)->n_services;
	int r = ipvs_open(&j->ipvs);

	j->alone = calloc(n + 1, sizeof(*j->alone));
	j->troubled = calloc(n + 1, sizeof(*j->troubled));
	j->refused = calloc(n + 1, sizeof(*j->refused));
	j->portion.services = calloc(n + 1, sizeof(*j->portion.services));
	if (r >= 0 && (!j->alone || !j->troubled || !j->refused || !j->portion.services))
		r = -ENOMEM;
	return r;
}

int job_new(struct balancer *b, const struct job_input *in, const struct job_handler *handler,
	void *userdata, struct job **ret)
{
	struct job *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return -ENOMEM;
	j->balancer = b;
	j->in = *in;
	j->handler = handler;
	j->userdata = userdata;
	j->batch = BATCH_FIRST;
	r = set_up(j);
	if (r < 0) {
		job_free(j);
		return r;
	}
	*ret = j;
	return 0;
}

void job_free(struct job *j)
{
	if (!j)
		return;
	clear_portion(&j->portion);
	free(j->portion.services);
	ipvs_dumping_free(j->dumping);
	ipvs_table_done(&j->have);
	ipvs_close(j->ipvs);
	json_decref(j->balancer->kept);
	j->balancer->kept = NULL;
	free(j->alone);
	free(j->troubled);
	free(j->refused);
	free(j->deletes);
	free(j->unseen);
	free(j);
}

const struct ipvs_table *job_have(const struct job *j)
{
	return &j->have;
}

const struct job_counts *job_counts(const struct job *j)
{
	return &j->counts;
}

size_t job_operations(const struct job *j)
{
	return j->operations;
}

size_t job_failures(const struct job *j)
{
	return j->n_failures;
}

bool job_is_stale(const struct job *j)
{
	return j->stale;
}

bool job_is_known(const struct job *j)
{
	return j->is_known;
}
