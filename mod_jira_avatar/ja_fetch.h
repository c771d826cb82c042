/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_fetch: flights. Equal requests share one; everybody waits with a deadline of his own; a
 * flight goes on when its last visitor has gone, so that the answer is there for the next.
 *
 * A flight takes steps: the desk (ja_desk_t) says what to ask, the transport (ja_transport_t) asks
 * it, the desk reads the answer and says whether there is another step (a cloudId first, then the
 * image) or what it came to. Engine and desk know nothing of each other's insides, so that tests
 * can play either.
 *
 * Threads: _visitor_ functions are for request threads, _io_ functions for the one fetch thread
 *          (in a process without threads both are the only thread there is). Desk and
 *          transport are called by the fetch thread only, but for transport->wake.
 * Memory:  flights are malloc'd and counted; nothing belongs to a request's pool.
 */
#ifndef JA_FETCH_H
#define JA_FETCH_H

#include "ja_answer.h"
#include "ja_entry.h"
#include "ja_realm.h"

/** What a visitor wants; copied into the flight. */
typedef struct ja_order_t {
    unsigned char key[JA_KEY_LEN];
    const ja_realm_t *realm;
    ja_ref_t ref;
    ja_question_t question; /* asked in place of an avatar, if any; the answer is JSON */
    int64_t asked_at_ms;    /* Unix; what is stored later than this answers the order, too */
    int64_t fresh;          /* seconds that a look-up serves every size of its avatar */
    int64_t keep_image;     /* seconds an image stays in the store: fresh + stale */
    int64_t keep_negative;  /* seconds a "not found" stays */
    bool errand;            /* no avatar: the realm's access token is to be renewed */
    void *origin; /* for the desk's log: which server asks; lives as long as the process */
} ja_order_t;

/** One request to be sent. */
typedef struct ja_ask_t {
    const ja_realm_t *realm;
    char url[JA_URL_MAX];
    char authorization[JA_AUTHORIZATION_MAX]; /* "" for none; wiped when sent */
    const char *accept;
    ja_validators_t held;     /* of what is held: sent as conditions */
    const char *content_type; /* of the body */
    char *body;               /* of a POST, malloc'd; wiped and freed when sent. NULL: a GET */
    size_t body_len;
    int64_t max_bytes;
    ja_asked_t asked;      /* for the judge */
    int step;              /* the desk's own: which of its questions this is, */
    uint64_t mark;         /* which secret it carries, */
    uint64_t passed_mark;  /* and which one was let through on this flight, */
    uint64_t epoch;        /* in which epoch it is asked (what is forgotten later began earlier) */
    int64_t sent_ms;       /* and when; Unix, */
    bool gateway;          /* whether it goes to the gateway, */
    uint64_t refused_mark; /* which secret the site refused on this flight, */
    bool outside;          /* whether its URL is on a public host, */
    unsigned redirects;    /* how often such a one sent us on, */
    uint32_t access;       /* which access token it carries (0: none), */
    int64_t access_end_ms; /* until when that is good; Unix, */
    bool renewed;          /* whether the flight had one renewed after a refusal, */
    bool for_token;        /* and whether it goes to the token service */
} ja_ask_t;

typedef struct ja_flight_t ja_flight_t;
typedef struct ja_engine_t ja_engine_t;

typedef enum {
    JA_STEP_ASK,   /* send the ask */
    JA_STEP_LATER, /* somebody else is at it: call again in `later_ms`, or when a flight lands */
    JA_STEP_DONE   /* the entry is there */
} ja_step_t;

/** Decides what to ask and what the answer came to; mod_jira_avatar_desk. */
typedef struct ja_desk_t {
    void *self;
    /** Next step of a flight. `entry` (a reference is handed over) on DONE. */
    ja_step_t (*next)(void *self, const ja_order_t *order, ja_ask_t *ask, int64_t *later_ms,
                      ja_entry_t **entry);
    /** An answer came. NULL: call next again; else the entry (a reference is handed over). */
    ja_entry_t *(*answered)(void *self, const ja_order_t *order, ja_ask_t *ask,
                            const ja_answer_t *answer);
    /** The flight ends with `entry` (its own or a time-out); what the flight held is released. */
    void (*landed)(void *self, const ja_order_t *order, const ja_entry_t *entry);
    /** The fetch thread, if there is one, asks with every turn for what nobody ordered: it is
     *  begun by ja_fetch_visitor_refresh(). NULL: there is none.
     *  @return milliseconds until there may be something; -1: not before something else happens */
    int64_t (*tend)(void *self);
} ja_desk_t;

/** Sends asks; ja_curl. */
typedef struct ja_transport_t {
    void *self;
    /** Starts one request, which ends with exactly one ja_fetch_io_answer(). */
    void (*begin)(void *self, ja_flight_t *flight, ja_ask_t *ask);
    /** Waits up to `wait_ms` (-1: until woken) for the network and does what is due. */
    void (*turn)(void *self, int64_t wait_ms);
    /** Ends every request with JA_NET_ABORTED. */
    void (*abort)(void *self);
    /** Ends a turn; any thread. */
    void (*wake)(void *self);
} ja_transport_t;

typedef struct ja_engine_params_t {
    ja_desk_t desk;
    ja_transport_t transport;
    bool threaded; /* false: visitors drive the network themselves (prefork) */
} ja_engine_params_t;

/** NULL if there is no memory. */
ja_engine_t *ja_fetch_create(const ja_engine_params_t *params);

/** Starts the fetch thread; nothing to do where there are no threads. */
bool ja_fetch_start(ja_engine_t *engine);

/** Every flight lands at once as aborted and no new one is taken; visitors are answered at once.
 *  Any thread; where there are no threads, a signal handler, too. For a graceful stop there is
 *  nothing to call: flights finish. */
void ja_fetch_abort(ja_engine_t *engine);

/** Aborts what is left, joins the fetch thread and frees the engine. No visitor may call after it.
 */
void ja_fetch_destroy(ja_engine_t *engine);

typedef enum {
    JA_WAIT_LEADER, /* this visitor's request was the first */
    JA_WAIT_JOINED, /* it joined a flight under way */
    JA_WAIT_FULL,   /* too many wait already; no entry */
    JA_WAIT_LATE    /* the wait ended before the flight; no entry */
} ja_wait_t;

/**
 * Gets what `order` comes to, waiting at most `wait_ms`, if fewer than `max_waiting` visitors wait
 * in this process (0: no bound).
 * @param entry a reference for the caller, or NULL as the result says
 */
ja_wait_t ja_fetch_visitor_get(ja_engine_t *engine, const ja_order_t *order, int64_t wait_ms,
                               int64_t max_waiting, ja_entry_t **entry);

/** Makes sure that somebody fetches `order`, and waits for nothing. */
void ja_fetch_visitor_refresh(ja_engine_t *engine, const ja_order_t *order);

/** Where there are no threads: drives every flight to its end. Call it after the response is out.
 *  Nothing to do where there are threads. */
void ja_fetch_visitor_settle(ja_engine_t *engine);

/** The transport's report; `answer` is only read during the call. */
void ja_fetch_io_answer(ja_flight_t *flight, const ja_answer_t *answer);

/** For the status page: flights under way, and visitors waiting, in this process. */
void ja_fetch_load(ja_engine_t *engine, unsigned *flights, unsigned *waiting);

#endif
