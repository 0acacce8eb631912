/* Two pairs of keys may be valid at a time. What we send changes to new ones when the peer has said
 * that it can read them; what came under the old ones goes on to be read while the session lasts,
 * since numbers go on and the window is one: nothing can be replayed by it. */
#include "link/session.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PAST_MAX 8u        /* sessions that are told from unknown ones */
#define ASK_AFTER_US 20000 /* what reordering may take */
#define ASK_AGAIN_US 500000

struct kept {
	uint16_t len, size; /* of the text; allocated */
	uint8_t *text;
};

struct session {
	struct counts *counts;
	uint8_t nonce[SEAL_NONCE_LEN], peer_nonce[SEAL_NONCE_LEN];
	uint8_t key_id[PAIR_KEY_ID_LEN];
	bool known;

	struct seal *out, *out_next; /* in use; agreed on, not confirmed */
	uint64_t sent;
	struct kept ring[SESSION_RING]; /* by number, modulo */

	struct seal *in[2]; /* present and former keys */
	struct sync_window window;
	struct sync_window ways[SESSION_WAYS_MAX];
	uint64_t past[PAST_MAX];
	unsigned n_past;
};

static void add(struct session *s, enum count count)
{
	s->counts->n[count]++;
}

static bool draw_nonce(struct session *s)
{
	return getrandom(s->nonce, sizeof(s->nonce), 0) == (ssize_t)sizeof(s->nonce);
}

int session_new(struct counts *counts, struct session **ret)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->counts = counts;
	if (!draw_nonce(s)) {
		free(s);
		return -EIO;
	}
	*ret = s;
	return 0;
}

static void forget_in(struct session *s, unsigned i)
{
	if (!s->in[i])
		return;
	s->past[s->n_past++ % PAST_MAX] = seal_session(s->in[i]);
	seal_free(s->in[i]);
	s->in[i] = NULL;
}

static void forget_keys(struct session *s)
{
	forget_in(s, 0);
	forget_in(s, 1);
	seal_free(s->out);
	seal_free(s->out_next);
	s->out = s->out_next = NULL;
}

static void forget_sent(struct session *s)
{
	for (unsigned i = 0; i < SESSION_RING; i++) {
		free(s->ring[i].text);
		s->ring[i] = (struct kept){0};
	}
	s->sent = 0;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	forget_keys(s);
	forget_sent(s);
	OPENSSL_cleanse(s, sizeof(*s));
	free(s);
}

const uint8_t *session_nonce(const struct session *s)
{
	return s->nonce;
}

bool session_is_known(const struct session *s)
{
	return s->known;
}

const uint8_t *session_key_id(const struct session *s)
{
	return s->key_id;
}

/* Agreement */

static int make_seals(const struct session *s, const struct session_terms *terms,
	struct seal **ret_in, struct seal **ret_out)
{
	int r = seal_new(terms->key->bytes, terms->peer_nonce, s->nonce, terms->peer_name,
		terms->peer_cipher, ret_in);

	if (r < 0)
		return r;
	r = seal_new(terms->key->bytes, s->nonce, terms->peer_nonce, terms->own_name,
		seal_preferred(), ret_out);
	if (r < 0)
		seal_free(*ret_in);
	return r;
}

static void begin_anew(struct session *s, const struct session_terms *terms)
{
	forget_keys(s);
	forget_sent(s);
	s->window = (struct sync_window){0};
	memset(s->ways, 0, sizeof(s->ways));
	memcpy(s->peer_nonce, terms->peer_nonce, sizeof(s->peer_nonce));
	add(s, COUNT_SESSIONS);
}

int session_agree(struct session *s, const struct session_terms *terms)
{
	bool same_peer =
		s->known && memcmp(s->peer_nonce, terms->peer_nonce, sizeof(s->peer_nonce)) == 0;
	bool same_key = memcmp(s->key_id, terms->key->id, sizeof(s->key_id)) == 0;
	struct seal *in = NULL, *out = NULL;
	int r;

	if (same_peer && same_key && s->in[0])
		return SESSION_SAME;
	r = make_seals(s, terms, &in, &out);
	if (r < 0)
		return r;
	if (!same_peer)
		begin_anew(s, terms);
	forget_in(s, 1);
	s->in[1] = s->in[0];
	s->in[0] = in;
	seal_free(s->out_next);
	s->out_next = out;
	memcpy(s->key_id, terms->key->id, sizeof(s->key_id));
	s->known = true;
	return same_peer ? SESSION_REKEYED : SESSION_FRESH;
}

uint64_t session_agreement(const struct session *s)
{
	return seal_session(s->in[0]);
}

bool session_agreed(struct session *s, uint64_t agreement)
{
	const struct seal *ours = s->out_next ? s->out_next : s->out;

	if (!ours || seal_session(ours) != agreement)
		return false;
	if (!s->out_next)
		return true;
	seal_free(s->out);
	s->out = s->out_next;
	s->out_next = NULL;
	return true;
}

void session_end(struct session *s)
{
	/* What comes next counts from 1 again, with an empty window: never under keys that there
	 * were before, which the same two nonces would make. */
	if (s->known && !draw_nonce(s))
		abort();
	forget_keys(s);
	s->known = false;
}

/* Out */

static bool keep(struct session *s, const void *text, size_t len)
{
	struct kept *k = &s->ring[s->sent % SESSION_RING];

	if (len > k->size) {
		uint8_t *bytes = realloc(k->text, len);
		if (!bytes) {
			k->len = 0;
			return false;
		}
		k->text = bytes;
		k->size = (uint16_t)len;
	}
	memcpy(k->text, text, len);
	k->len = (uint16_t)len;
	return true;
}

size_t session_seal(struct session *s, const void *text, size_t len, uint8_t *ret)
{
	int r;

	assert(len > 0 && len <= SESSION_TEXT_MAX);
	if (!s->out)
		return 0;
	s->sent++;
	(void)keep(s, text, len); /* without memory it cannot be repaired, and is said to be gone */
	r = seal_datagram(s->out, s->sent, text, len, ret);
	if (r < 0)
		return 0; /* the number is used up, and will be asked for */
	add(s, COUNT_SENT);
	return (size_t)r;
}

uint64_t session_sent(const struct session *s)
{
	return s->sent;
}

const uint8_t *session_sent_text(const struct session *s, uint64_t sequence, size_t *ret_len)
{
	const struct kept *k = &s->ring[sequence % SESSION_RING];

	if (sequence == 0 || sequence > s->sent || s->sent - sequence >= SESSION_RING ||
		k->len == 0)
		return NULL;
	*ret_len = k->len;
	return k->text;
}

/* In */

static struct seal *seal_of(const struct session *s, uint64_t id)
{
	for (unsigned i = 0; i < 2; i++)
		if (s->in[i] && seal_session(s->in[i]) == id)
			return s->in[i];
	return NULL;
}

static enum count count_of_stranger(const struct session *s, uint64_t id)
{
	for (unsigned i = 0; i < PAST_MAX && i < s->n_past; i++)
		if (s->past[i] == id)
			return COUNT_OLD_SESSION;
	return COUNT_UNKNOWN_SESSION;
}

static enum count count_of_fault(enum seal_fault fault)
{
	switch (fault) {
	case SEAL_TRUNCATED:
		return COUNT_TRUNCATED;
	case SEAL_FORGED:
		return COUNT_FORGED;
	case SEAL_NOT_OURS:
	case SEAL_OK:
	case SEAL_FAULT_MAX_:
		break;
	}
	return COUNT_NOT_OURS;
}

/* It came already. Once over each other interface is what they are there for. */
static enum count count_of_repetition(
	struct session *s, uint64_t sequence, unsigned way, struct instant now)
{
	switch (sync_window_take(&s->ways[way], sequence, now)) {
	case SYNC_NEW:
	case SYNC_LATE:
		return COUNT_DUPLICATE;
	case SYNC_REPLAYED:
	case SYNC_OLD:
		break;
	}
	return COUNT_REPLAYED;
}

bool session_open(struct session *s, const void *datagram, size_t len, unsigned way,
	struct instant now, uint8_t *ret, size_t *ret_len)
{
	enum sync_arrival arrival;
	struct seal_header header;
	enum seal_fault fault = seal_look(datagram, len, &header);
	struct seal *seal;

	assert(way < SESSION_WAYS_MAX);
	if (fault != SEAL_OK) {
		add(s, count_of_fault(fault));
		return false;
	}
	seal = seal_of(s, header.session);
	if (!seal) {
		add(s, count_of_stranger(s, header.session));
		return false;
	}
	arrival = sync_window_look(&s->window, header.sequence);
	if (arrival == SYNC_OLD) {
		add(s, COUNT_REPLAYED);
		return false;
	}
	if (arrival == SYNC_REPLAYED) {
		add(s, count_of_repetition(s, header.sequence, way, now));
		return false;
	}
	fault = seal_open(seal, datagram, len, ret, ret_len);
	if (fault != SEAL_OK) {
		add(s, count_of_fault(fault));
		return false;
	}
	(void)sync_window_take(&s->window, header.sequence, now);
	(void)sync_window_take(&s->ways[way], header.sequence, now);
	add(s, COUNT_RECEIVED);
	if (arrival == SYNC_LATE)
		add(s, COUNT_LATE);
	return true;
}

/* Repairs */

static struct instant ago(struct instant now, uint64_t us)
{
	return (struct instant){now.us > us ? now.us - us : 0};
}

unsigned session_missing(
	struct session *s, struct instant now, struct link_range *ret, unsigned max)
{
	struct sync_gap gaps[SYNC_WINDOW_GAPS];
	unsigned n;

	if (max > SYNC_WINDOW_GAPS)
		max = SYNC_WINDOW_GAPS;
	n = sync_window_ask(
		&s->window, now, ago(now, ASK_AFTER_US), ago(now, ASK_AGAIN_US), gaps, max);
	for (unsigned i = 0; i < n; i++) {
		ret[i] = (struct link_range){gaps[i].first, gaps[i].last};
		s->counts->n[COUNT_REPAIR_ASKED] += gaps[i].last - gaps[i].first + 1;
	}
	return n;
}

struct instant session_missing_at(const struct session *s)
{
	struct instant at = INSTANT_NEVER;

	for (unsigned i = 0; i < s->window.n_gaps; i++) {
		const struct sync_gap *gap = &s->window.gaps[i];
		at = instant_min(at, gap->asked.us ? instant_add(gap->asked, ASK_AGAIN_US)
						   : instant_add(gap->seen, ASK_AFTER_US));
	}
	return at;
}

bool session_repaired(
	struct session *s, uint64_t sequence, struct instant now, struct instant *ret_seen)
{
	if (sync_window_look(&s->window, sequence) != SYNC_LATE)
		return false;
	*ret_seen = now;
	for (unsigned i = 0; i < s->window.n_gaps; i++)
		if (s->window.gaps[i].first <= sequence && sequence <= s->window.gaps[i].last)
			*ret_seen = s->window.gaps[i].seen;
	(void)sync_window_take(&s->window, sequence, now);
	add(s, COUNT_REPAIRED);
	return true;
}

void session_gone(struct session *s, const struct link_range *range)
{
	sync_window_give_up(&s->window, range->first, range->last);
	s->window.overflow = true;
}

bool session_has_lost(struct session *s)
{
	bool lost = s->window.overflow;

	s->counts->n[COUNT_LOST] += s->window.lost;
	s->window.lost = 0;
	s->window.overflow = false;
	return lost;
}
