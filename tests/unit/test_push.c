/* director/push: two directors with a file each, whose states the test carries over; reloads are
 * played by it, too. */
#include "director/state.h"

#include "io/file.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 196608u

struct control_call {
	char *error; /* the error, or "" for a reply; NULL: no answer yet */
	json_t *said;
};

struct side {
	struct director d;
	struct director_options options;
	struct side *peer;
	char dir[64], path[96];
	struct control_call call;
	bool under_way;   /* somebody else's reload */
	unsigned reloads; /* asked for */
	bool may_delete;
};

static sd_event *loop;
static struct side lb1, lb2;

static struct side *side_of(const struct director *d)
{
	return d == &lb1.d ? &lb1 : &lb2;
}

void director_event(struct director *d, enum event event, const char *message, ...)
{
	(void)d;
	(void)event;
	(void)message;
}

void control_reply(struct control_call *call, json_t *parameters)
{
	ck_assert_ptr_null(call->error);
	call->error = strdup("");
	call->said = parameters;
}

void control_error(struct control_call *call, const char *error, json_t *parameters)
{
	ck_assert_ptr_null(call->error);
	call->error = strdup(error);
	call->said = parameters;
}

bool peer_is_wanted(const struct director *d)
{
	(void)d;
	return true;
}

const char *peer_name(const struct director *d)
{
	return side_of(d)->peer->options.node;
}

void peer_touch(struct director *d)
{
	(void)d;
}

struct overrides_now drains_now(void)
{
	static uint64_t us = 1;

	return (struct overrides_now){.unix_us = us++};
}

bool reload_is_under_way(const struct director *d)
{
	return side_of(d)->under_way;
}

void reload_request(struct director *d, struct control_call *call, bool may_delete)
{
	ck_assert_ptr_null(call);
	side_of(d)->reloads++;
	side_of(d)->may_delete = may_delete;
}

static void write_file(const struct side *s, const char *text)
{
	FILE *f = fopen(s->path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void check_file(const char *path, const char *text)
{
	char *found = file_read(path, SIZE_MAX);

	ck_assert_ptr_nonnull(found);
	ck_assert_str_eq(found, text);
	free(found);
}

static const char old_text[] = "{\"nodes\": {\"lb1\": {}, \"lb2\": {}}}\n";
static const char new_text[] = "{\"nodes\": {\"lb1\": {}, \"lb2\": {}}, \"$comment\": \"new\"}\n";

static void begin(struct side *s, struct side *peer, const char *name)
{
	struct conf_errors errors = {0};

	*s = (struct side){.peer = peer};
	strcpy(s->dir, "/tmp/tandem-push-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(s->dir));
	(void)snprintf(s->path, sizeof(s->path), "%s/tandem.json", s->dir);
	write_file(s, old_text);
	s->options = (struct director_options){.config = s->path, .node = name};
	s->d.options = &s->options;
	s->d.loop = loop;
	s->d.conf = conf_load(s->path, name, &errors);
	ck_assert_ptr_nonnull(s->d.conf);
	s->d.peer.alive = s->d.peer.stream = true;
	s->d.peer.state = json_object();
	ck_assert_int_eq(push_init(&s->d), 0);
}

static void end(struct side *s)
{
	char command[160];

	push_done(&s->d);
	json_decref(s->d.peer.state);
	conf_free(s->d.conf);
	free(s->call.error);
	json_decref(s->call.said);
	(void)snprintf(command, sizeof(command), "rm -rf %s", s->dir);
	ck_assert_int_eq(system(command), 0);
}

static void set_up(void)
{
	ck_assert_int_ge(sd_event_new(&loop), 0);
	begin(&lb1, &lb2, "lb1");
	begin(&lb2, &lb1, "lb2");
}

static void tear_down(void)
{
	end(&lb1);
	end(&lb2);
	sd_event_unref(loop);
}

/* Whether it was news. */
static bool tell(struct side *from)
{
	struct director *to = &from->peer->d;
	json_t *state = json_object();
	bool news;

	push_to_json(&from->d, state);
	news = !json_equal(state, to->peer.state);
	if (news) {
		json_decref(to->peer.state);
		to->peer.state = json_incref(state);
		push_heard(to);
	}
	json_decref(state);
	return news;
}

static bool tell_both(void)
{
	bool one = tell(&lb1);

	return tell(&lb2) || one;
}

/* Until `done`; a loop that has nothing more to do by then is the test's failure by its timeout. */
static void run_until(bool (*done)(void))
{
	while (!done())
		if (!tell_both())
			ck_assert_int_ge(sd_event_run(loop, 1000), 0);
}

static bool is_answered(void)
{
	return lb1.call.error != NULL;
}

static bool are_both_answered(void)
{
	return lb1.call.error && lb2.call.error;
}

static bool is_lb2_asked_to_reload(void)
{
	return lb2.reloads == 1;
}

static bool is_lb2_asked_twice(void)
{
	return lb2.reloads == 2;
}

static bool is_lb1_asked_to_reload(void)
{
	return lb1.reloads == 1;
}

static bool is_one_piece_there(void)
{
	return json_integer_value(
		       json_object_get(json_object_get(lb1.d.peer.state, "pushed"), "at")) == PIECE;
}

static void say_reloaded(struct side *s, const char *error)
{
	json_t *errors = error ? json_pack("[s]", error) : json_array();

	push_reloaded(&s->d, errors);
	json_decref(errors);
}

static void push(struct side *s)
{
	push_request(&s->d, &s->call, NULL);
}

static const char *first_error(const struct side *s)
{
	return json_string_value(json_array_get(json_object_get(s->call.said, "errors"), 0));
}

START_TEST(a_file_goes_over_is_written_and_taken_by_the_other_first)
{
	struct stat st;
	char previous[128];

	ck_assert_int_eq(chmod(lb2.path, 0640), 0);
	write_file(&lb1, new_text);
	push(&lb1);
	run_until(is_lb2_asked_to_reload);
	ck_assert_uint_eq(lb1.reloads, 0);
	check_file(lb2.path, new_text);
	ck_assert_int_eq(stat(lb2.path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0640);
	(void)snprintf(previous, sizeof(previous), "%s.previous", lb2.path);
	check_file(previous, old_text);
	ck_assert_int_eq(stat(previous, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0640);
	say_reloaded(&lb2, NULL);
	run_until(is_lb1_asked_to_reload);
	ck_assert(!is_answered());
	say_reloaded(&lb1, NULL);
	run_until(is_answered);
	ck_assert_str_eq(lb1.call.error, "");
}
END_TEST

START_TEST(what_is_refused_here_never_leaves)
{
	write_file(&lb1, "{\"nodes\": {\"lb1\": {}, \"lb2\": {}}, \"nods\": {}}");
	push(&lb1);
	run_until(is_answered);
	ck_assert_str_eq(lb1.call.error, "PushFailed");
	ck_assert_ptr_nonnull(strstr(first_error(&lb1), "/nods"));
	ck_assert_uint_eq(lb2.reloads, 0);
}
END_TEST

START_TEST(a_reload_that_fails_there_is_taken_back_and_told)
{
	write_file(&lb1, new_text);
	push(&lb1);
	run_until(is_lb2_asked_to_reload);
	say_reloaded(&lb2, "no room");
	run_until(is_lb2_asked_twice);
	check_file(lb2.path, old_text);
	ck_assert(lb2.may_delete);
	say_reloaded(&lb2, NULL);
	run_until(is_answered);
	ck_assert_str_eq(first_error(&lb1), "no room");
	ck_assert_uint_eq(lb1.reloads, 0);
}
END_TEST

/* One that was under way had read its file before: its word is not about what was pushed. */
START_TEST(what_another_reload_says_is_no_answer)
{
	write_file(&lb1, new_text);
	push(&lb1);
	lb2.under_way = true;
	run_until(is_lb2_asked_to_reload);
	say_reloaded(&lb2, NULL);
	lb2.under_way = false;
	while (tell_both() || sd_event_run(loop, 0) > 0)
		;
	ck_assert_uint_eq(lb1.reloads, 0);
	say_reloaded(&lb2, "no room");
	run_until(is_lb2_asked_twice);
	say_reloaded(&lb2, NULL);
	run_until(is_answered);
	ck_assert_str_eq(first_error(&lb1), "no room");
}
END_TEST

static bool offers(const struct side *s)
{
	json_t *state = json_object();
	bool found;

	push_to_json(&s->d, state);
	found = json_object_get(state, "push") != NULL;
	json_decref(state);
	return found;
}

START_TEST(two_that_push_at_once_change_nothing)
{
	write_file(&lb1, new_text);
	push(&lb1);
	push(&lb2);
	while (!offers(&lb1) || !offers(&lb2))
		ck_assert_int_ge(sd_event_run(loop, 1000), 0);
	run_until(are_both_answered);
	ck_assert_str_eq(lb1.call.error, "PushFailed");
	ck_assert_str_eq(lb2.call.error, "PushFailed");
	ck_assert_str_eq(first_error(&lb1), "it pushes its own configuration at this moment");
	check_file(lb1.path, new_text);
	check_file(lb2.path, old_text);
}
END_TEST

START_TEST(while_one_pushes_the_other_is_busy)
{
	write_file(&lb1, new_text);
	push(&lb1);
	run_until(is_lb2_asked_to_reload);
	push(&lb2);
	ck_assert_str_eq(lb2.call.error, "Busy");
}
END_TEST

static void write_large(const struct side *s, size_t len)
{
	char *text = malloc(len + sizeof(new_text));
	int head;

	ck_assert_ptr_nonnull(text);
	head = sprintf(text, "{\"nodes\": {\"lb1\": {}, \"lb2\": {}}, \"$comment\": \"");
	memset(text + head, 'x', len);
	strcpy(text + (size_t)head + len, "\"}\n");
	write_file(s, text);
	free(text);
}

START_TEST(a_peer_that_was_started_anew_midway_has_all_of_it_once_more)
{
	char *text;

	write_large(&lb1, 5 * PIECE);
	text = file_read(lb1.path, SIZE_MAX);
	push(&lb1);
	run_until(is_one_piece_there);
	push_done(&lb2.d);
	ck_assert_int_eq(push_init(&lb2.d), 0);
	json_decref(lb2.d.peer.state);
	lb2.d.peer.state = json_object();
	run_until(is_lb2_asked_to_reload);
	check_file(lb2.path, text);
	free(text);
}
END_TEST

/* A peer that goes midway comes to no end of its own: what it left is released with push_done(),
 * which the sanitizers see. */
START_TEST(who_is_stopped_midway_is_told)
{
	write_large(&lb1, 5 * PIECE);
	push(&lb1);
	run_until(is_one_piece_there);
	push_stop(&lb1.d);
	ck_assert_str_eq(lb1.call.error, "Stopping");
	check_file(lb2.path, old_text);
}
END_TEST

START_TEST(who_is_stopped_while_files_are_read_is_told)
{
	push(&lb1);
	push_stop(&lb1.d);
	ck_assert_str_eq(lb1.call.error, "Stopping");
}
END_TEST

/* Offers of a peer that has another idea of them */

static const char *answer_to(json_t *offer)
{
	json_t *state = json_pack("{s:o}", "push", offer), *said = json_object();
	const json_t *pushed;
	static char text[128];

	json_decref(lb2.d.peer.state);
	lb2.d.peer.state = state;
	push_heard(&lb2.d);
	for (int i = 0; i < 10; i++) /* what is answered is not asked again for ever */
		ck_assert_int_ge(sd_event_run(loop, 0), 0);
	push_to_json(&lb2.d, said);
	pushed = json_object_get(said, "pushed");
	ck_assert_ptr_nonnull(pushed);
	(void)snprintf(text, sizeof(text), "%lld %s",
		(long long)json_integer_value(json_object_get(pushed, "at")),
		json_array_size(json_object_get(pushed, "errors")) == 0
			? "well"
			: json_string_value(json_array_get(json_object_get(pushed, "errors"), 0)));
	json_decref(said);
	return text;
}

static json_t *piece(int id, int at, int total, const char *text)
{
	return json_pack("{s:i, s:s, s:b, s:i, s:i, s:s}", "id", id, "step", "send", "may_delete",
		0, "at", at, "total", total, "piece", text);
}

START_TEST(pieces_that_make_no_sense_are_refused_by_reason)
{
	static const char none[] = "0 what came is no piece of a configuration";

	ck_assert_str_eq(answer_to(piece(1, 0, 100, "")), none);
	ck_assert_str_eq(answer_to(piece(2, 0, 0, "x")), none);
	ck_assert_str_eq(answer_to(piece(3, -1, 100, "x")), none);
	ck_assert_str_eq(answer_to(piece(4, 0, (32 << 20) + 1, "x")), none);
	ck_assert_str_eq(answer_to(piece(5, 0, 2, "xyz")), "0 its pieces do not fit together");
	ck_assert_str_eq(answer_to(piece(6, 0, 100, "abc")), "3 well");
	ck_assert_str_eq(answer_to(piece(6, 3, 99, "abc")), "3 its pieces do not fit together");
	ck_assert_str_eq(answer_to(piece(7, 50, 100, "abc")), "0 well"); /* from the beginning */
	ck_assert_str_eq(
		answer_to(json_pack("{s:i, s:s}", "id", 8, "step", "apply")), "0 there is no text");
}
END_TEST

START_TEST(an_offer_that_is_over_takes_its_text_along)
{
	ck_assert_str_eq(answer_to(piece(1, 0, 100, "abc")), "3 well");
	json_decref(lb2.d.peer.state);
	lb2.d.peer.state = json_object();
	push_heard(&lb2.d);
	ck_assert_str_eq(answer_to(piece(1, 3, 100, "abc")), "0 well");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("push");
	TCase *tc = tcase_create("push");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_file_goes_over_is_written_and_taken_by_the_other_first);
	tcase_add_test(tc, what_is_refused_here_never_leaves);
	tcase_add_test(tc, a_reload_that_fails_there_is_taken_back_and_told);
	tcase_add_test(tc, what_another_reload_says_is_no_answer);
	tcase_add_test(tc, two_that_push_at_once_change_nothing);
	tcase_add_test(tc, while_one_pushes_the_other_is_busy);
	tcase_add_test(tc, a_peer_that_was_started_anew_midway_has_all_of_it_once_more);
	tcase_add_test(tc, who_is_stopped_midway_is_told);
	tcase_add_test(tc, who_is_stopped_while_files_are_read_is_told);
	tcase_add_test(tc, pieces_that_make_no_sense_are_refused_by_reason);
	tcase_add_test(tc, an_offer_that_is_over_takes_its_text_along);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
