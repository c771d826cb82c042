/* SPDX-License-Identifier: Apache-2.0 */
/* ja_diagnosis: the signs, the strongest first, and the causes that they tell of. */
#include "ja_diagnosis.h"

#include <apr_date.h>
#include <string.h>

const ja_cause_row_t *ja_cause(ja_cause_t cause)
{
    static const ja_cause_row_t rows[JA_CAUSE_COUNT] = {
#define X(id, number, outcome, level, text, remedy)                                                \
    [JA_CAUSE_##id] = {number, JA_OUTCOME_##outcome, JA_LEVEL_##level, text, remedy},
#include "ja_causes.def"
#undef X
    };
    return &rows[(size_t)cause < JA_CAUSE_COUNT ? cause : JA_CAUSE_NO_STATUS];
}

/* What is looked at. */
typedef struct case_t {
    const ja_asked_t *asked;
    const ja_answer_t *answer;
    ja_grant_status_t grant; /* of a token service's answer */
    ja_proof_t proof;        /* of a complete 200 */
    ja_image_t image;
} case_t;

/* ---- words -------------------------------------------------------------------------------- */

/* No word that settles anything stands deeper in a page. */
enum { SEARCH_MAX = 32 * 1024, HTML_HEAD_MAX = 2048 };

static ja_slice_t cut(ja_slice_t in, size_t max)
{
    return (ja_slice_t){in.data, in.len < max ? in.len : max};
}

static bool contains(ja_slice_t in, const char *word)
{
    size_t len = ja_slice(word).len;
    for (in = cut(in, SEARCH_MAX); in.len >= len; in.data++, in.len--) {
        if (ja_slice_is_nocase(cut(in, len), word)) {
            return true;
        }
    }
    return false;
}

static bool contains_any(ja_slice_t in, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (contains(in, words[i])) {
            return true;
        }
    }
    return false;
}

#define CONTAINS_ANY(in, words) contains_any((in), (words), sizeof(words) / sizeof((words)[0]))

static ja_slice_t header(const case_t *it, ja_header_t id)
{
    return ja_slice_trim(ja_slice(it->answer->header[id]));
}

static ja_slice_t body(const case_t *it)
{
    return (ja_slice_t){(const char *)it->answer->body,
                        it->answer->body ? it->answer->body_len : 0};
}

static bool is_html(const case_t *it)
{
    static const char *const words[] = {"<html", "<!doctype html"};
    ja_slice_t start = ja_slice_trim(body(it));
    ja_text_take(&start, "\xef\xbb\xbf");
    return ja_text_take(&start, "<") && CONTAINS_ANY(cut(body(it), HTML_HEAD_MAX), words);
}

/* ---- what no column of the signs can say --------------------------------------------------- */

static const char login_failed[] = "AUTHENTICATED_FAILED";

/* Jira says it with any status, a 200 with the default avatar included. */
static bool is_refused(const case_t *it)
{
    return it->answer->status == 401 || contains(header(it, JA_HEADER_LOGIN_REASON), login_failed);
}

/* What is signed with a time is good for two or three minutes, and not before its time. */
static bool is_clock_off(const case_t *it)
{
    enum { TOLERANCE_S = 60 };
    apr_time_t date = apr_date_parse_http(it->answer->header[JA_HEADER_DATE]);
    int64_t off = apr_time_sec(date) - it->asked->now;

    return date != APR_DATE_BAD && (off > TOLERANCE_S || off < -TOLERANCE_S);
}

static bool is_refused_by_clock(const case_t *it)
{
    return is_refused(it) && is_clock_off(it);
}

static bool is_named_anonymous(const case_t *it)
{
    int status = it->answer->status;

    return it->asked->identity && (status == 200 || status == 403 || status == 404) &&
           ja_slice_is_nocase(header(it, JA_HEADER_USERNAME), "anonymous");
}

/* Cloud names the account in every answer to a credential that it accepted. Data Center's header
 * is often removed on the way, so that its absence proves nothing. */
static bool lacks_identity(const case_t *it)
{
    return it->asked->identity && it->asked->kind == JA_SITE_CLOUD &&
           header(it, JA_HEADER_ACCOUNT_ID).len == 0;
}

static bool is_page_to_stranger(const case_t *it)
{
    ja_slice_t name = header(it, JA_HEADER_USERNAME);

    return is_html(it) && header(it, JA_HEADER_ACCOUNT_ID).len == 0 &&
           (name.len == 0 || ja_slice_is_nocase(name, "anonymous"));
}

/* As a web server has it where no Jira is. */
static bool is_page_of_another(const case_t *it)
{
    return it->asked->identity && is_html(it) && header(it, JA_HEADER_ACCOUNT_ID).len == 0 &&
           header(it, JA_HEADER_USERNAME).len == 0 && header(it, JA_HEADER_LOGIN_REASON).len == 0;
}

static bool leads_to_picture(const case_t *it)
{
    static const char *const pictures[] = {"gravatar.com/", "atl-paas.net/",
                                           "avatar-cdn.atlassian.com/"};
    return CONTAINS_ANY(header(it, JA_HEADER_LOCATION), pictures);
}

static bool leads_to_login(const case_t *it)
{
    static const char *const logins[] = {"login", "signin",  "os_destination", "id.atlassian.com",
                                         "saml",  "/oauth2", "/authorize",     "/adfs",
                                         "/sso",  "sso.",    "/oidc"};
    return CONTAINS_ANY(header(it, JA_HEADER_LOCATION), logins);
}

/* What Jira itself says of an avatar that it has not; its gateway has words of its own. */
static bool is_not_from_jira(const case_t *it)
{
    return !contains(body(it), "errorMessages");
}

static bool is_encoded(const case_t *it)
{
    ja_slice_t encoding = header(it, JA_HEADER_CONTENT_ENCODING);

    return encoding.len > 0 && !ja_slice_is_nocase(encoding, "identity");
}

static bool is_no_image(const case_t *it)
{
    return it->proof == JA_PROOF_NOT_AN_IMAGE;
}

static bool is_login_page(const case_t *it)
{
    static const char *const words[] = {"login",          "log in",   "sign in",     "signin",
                                        "sign-in",        "password", "os_username", "samlrequest",
                                        "single sign-on", "/sso"};
    return is_no_image(it) && is_html(it) && CONTAINS_ANY(body(it), words);
}

static bool is_cut(const case_t *it)
{
    return it->proof == JA_PROOF_TRUNCATED;
}

/* ---- the signs ----------------------------------------------------------------------------- */

typedef enum {
    ANYWHERE,
    ON_DATACENTER,
    ON_SITE,          /* of Cloud, where the gateway is not asked */
    ON_GATEWAY,       /* whether or not the site is asked, too */
    ON_GATEWAY_ALONE, /* where the site is not asked */
} where_t;

/* What a sign does not name may be anything, but the answer must be complete. */
typedef struct sign_t {
    ja_cause_t cause;
    unsigned net;   /* bits of ja_net_t */
    unsigned what;  /* bits of ja_asked_what_t */
    unsigned means; /* bits of ja_means_t */
    unsigned grant; /* bits of ja_grant_status_t */
    where_t where;
    short first, last; /* status */
    const char *word;  /* which the header has, or the body if `in_body` */
    ja_header_t header;
    bool in_body;
    bool (*also)(const case_t *it);
} sign_t;

#define BIT(x)        (1u << (x))
#define STATUS(x)     .first = (x), .last = (x)
#define RANGE(x, y)   .first = (x), .last = (y)
#define NET(x)        .net = BIT(JA_NET_##x)
#define ASKED(x)      .what = BIT(JA_ASKED_##x)
#define MEANS(x)      .means = BIT(JA_MEANS_##x)
#define GRANT(x)      .grant = BIT(JA_GRANT_##x)
#define ANY_MEANS     .means = ~BIT(JA_MEANS_NONE)
#define BOUGHT_TOKEN  .means = BIT(JA_MEANS_CLIENT) | BIT(JA_MEANS_REFRESH) | BIT(JA_MEANS_ASSERTION)
#define OF_APP        BOUGHT_TOKEN | BIT(JA_MEANS_SIGNATURE)
#define NOT_AN_AVATAR .what = BIT(JA_ASKED_TOKEN) | BIT(JA_ASKED_CLOUD_ID) | BIT(JA_ASKED_PUBLIC)

static const sign_t signs[] = {
    /* there is no answer */
    {JA_CAUSE_NO_NAME, NET(DNS)},
    {JA_CAUSE_NO_CONNECTION, NET(CONNECT)},
    {JA_CAUSE_NOT_LET_OUT, NET(DENIED)},
    {JA_CAUSE_CONNECT_TIMEOUT, NET(CONNECT_TIMEOUT)},
    {JA_CAUSE_TLS, NET(TLS)},
    {JA_CAUSE_CERTIFICATE, NET(CERTIFICATE)},
    {JA_CAUSE_NOT_PUBLIC, NET(ADDRESS)},
    {JA_CAUSE_PROXY, NET(PROXY)},
    {JA_CAUSE_PROXY_LOGIN, NET(PROXY_LOGIN)},
    {JA_CAUSE_TIMEOUT, NET(TIMEOUT)},
    {JA_CAUSE_BROKEN_OFF, NET(BROKEN), RANGE(1, 999)},
    {JA_CAUSE_CLOSED, NET(BROKEN)},
    {JA_CAUSE_TOO_LARGE, NET(TOO_LARGE)},
    {JA_CAUSE_HEADER_TOO_LARGE, NET(HEADERS)},
    {JA_CAUSE_NOT_HTTP, NET(PROTOCOL)},
    {JA_CAUSE_STOPPING, NET(ABORTED)},
    {JA_CAUSE_NO_RESOURCES, NET(INTERNAL)},

    /* not an answer of whom was asked */
    {JA_CAUSE_PROXY_LOGIN, STATUS(407)},

    /* a token service, the site on its cloudId, a public host */
    {JA_CAUSE_REFRESH_TOKEN_DATACENTER, ASKED(TOKEN), MEANS(REFRESH), GRANT(DEAD),
     .where = ON_DATACENTER},
    {JA_CAUSE_REFRESH_TOKEN, ASKED(TOKEN), MEANS(REFRESH), GRANT(DEAD)},
    {JA_CAUSE_CLOCK, ASKED(TOKEN), MEANS(ASSERTION), GRANT(DEAD), .also = is_clock_off},
    {JA_CAUSE_ASSERTION, ASKED(TOKEN), MEANS(ASSERTION), GRANT(DEAD)},
    {JA_CAUSE_CLIENT_GRANT, ASKED(TOKEN), GRANT(DEAD)},
    {JA_CAUSE_CLIENT_SECRET, ASKED(TOKEN), GRANT(CLIENT)},
    {JA_CAUSE_TOKEN_REQUEST, ASKED(TOKEN), GRANT(REFUSED)},
    {JA_CAUSE_RATE_LIMITED, NOT_AN_AVATAR, STATUS(429)},
    {JA_CAUSE_NO_TOKEN_SERVICE, ASKED(TOKEN), RANGE(0, 499)},
    {JA_CAUSE_NO_CLOUD_ID, ASKED(CLOUD_ID), RANGE(200, 499)},
    {JA_CAUSE_PUBLIC_HOST, ASKED(PUBLIC), RANGE(300, 399)},
    {JA_CAUSE_NOT_FOUND, ASKED(PUBLIC), RANGE(400, 499)},

    /* the credential is refused */
    {JA_CAUSE_CAPTCHA, ANY_MEANS, .header = JA_HEADER_DENIED_REASON, .word = "CAPTCHA"},
    {JA_CAUSE_CAPTCHA, ANY_MEANS, .header = JA_HEADER_LOGIN_REASON,
     .word = "AUTHENTICATION_DENIED"},
    {JA_CAUSE_CAPTCHA, ANY_MEANS, STATUS(403), .in_body = true, .word = "AUTHENTICATION_DENIED"},
    {JA_CAUSE_BASIC_DISABLED, ANY_MEANS, STATUS(403), .in_body = true,
     .word = "Basic Authentication has been disabled"},
    {JA_CAUSE_SCOPE, ANY_MEANS, STATUS(401), .in_body = true, .word = "scope does not match"},
    {JA_CAUSE_CLOCK, MEANS(SIGNATURE), .also = is_refused_by_clock},
    {JA_CAUSE_SIGNATURE, MEANS(SIGNATURE), .also = is_refused},
    {JA_CAUSE_PASSWORD, MEANS(PASSWORD), .where = ON_DATACENTER, .also = is_refused},
    {JA_CAUSE_API_TOKEN_AT_SITE, MEANS(PASSWORD), .where = ON_SITE, .also = is_refused},
    {JA_CAUSE_API_TOKEN_AT_GATEWAY, MEANS(PASSWORD), .where = ON_GATEWAY_ALONE, .also = is_refused},
    {JA_CAUSE_API_TOKEN, MEANS(PASSWORD), .also = is_refused},
    {JA_CAUSE_PERSONAL_TOKEN, MEANS(TOKEN), .where = ON_DATACENTER, .also = is_refused},
    {JA_CAUSE_BEARER_TOKEN, MEANS(TOKEN), .also = is_refused},
    {JA_CAUSE_ACCESS_TOKEN_AT_SITE, BOUGHT_TOKEN, .where = ON_DATACENTER, .also = is_refused},
    {JA_CAUSE_ACCESS_TOKEN_AT_SITE, MEANS(ASSERTION), .also = is_refused},
    {JA_CAUSE_ACCESS_TOKEN, BOUGHT_TOKEN, .also = is_refused},
    {JA_CAUSE_NO_PRODUCT, ANY_MEANS, .header = JA_HEADER_LOGIN_REASON,
     .word = "AUTHORISATION_FAILED"},
    {JA_CAUSE_STRANGER_DATACENTER, ANY_MEANS, .where = ON_DATACENTER, .also = is_named_anonymous},
    {JA_CAUSE_STRANGER_APP, OF_APP, .also = is_named_anonymous},
    {JA_CAUSE_STRANGER, ANY_MEANS, .also = is_named_anonymous},

    /* sent elsewhere; what is asked of a picture may speak of logins */
    {JA_CAUSE_SENT_TO_PICTURE, RANGE(300, 399), .also = leads_to_picture},
    {JA_CAUSE_LOGIN_PAGE, RANGE(300, 399), .also = leads_to_login},
    {JA_CAUSE_REDIRECTED, RANGE(300, 399)},

    /* not shown */
    {JA_CAUSE_APP_RULE, STATUS(403), .header = JA_HEADER_DATA_POLICY, .word = "app_access_blocked"},
    {JA_CAUSE_NO_CREDENTIAL, MEANS(NONE), STATUS(403)},
    {JA_CAUSE_LOGIN_PAGE, STATUS(403), .also = is_page_to_stranger},
    {JA_CAUSE_BROWSE_USERS, ASKED(USER), STATUS(403)},
    {JA_CAUSE_STRANGER_FORBIDDEN, STATUS(403), .also = lacks_identity},
    {JA_CAUSE_BROWSE_PROJECTS, STATUS(403)},
    {JA_CAUSE_NO_CREDENTIAL, STATUS(401)},
    {JA_CAUSE_CLOUD_ID, .where = ON_GATEWAY, STATUS(404), .also = is_not_from_jira},
    {JA_CAUSE_NOT_JIRA, STATUS(404), .also = is_page_of_another},
    {JA_CAUSE_HIDDEN, ANY_MEANS, STATUS(404), .also = lacks_identity},
    {JA_CAUSE_NOT_FOUND, STATUS(404)},
    {JA_CAUSE_NOT_FOUND, STATUS(400)},

    /* Jira fails */
    {JA_CAUSE_RATE_LIMITED, STATUS(429)},
    {JA_CAUSE_UNAVAILABLE, STATUS(503)},
    {JA_CAUSE_GATEWAY_TIMEOUT, STATUS(504)},
    {JA_CAUSE_SERVER_ERROR, RANGE(500, 599)},
    {JA_CAUSE_REMOVED, STATUS(410)},
    {JA_CAUSE_UNEXPECTED, RANGE(400, 499)},
    {JA_CAUSE_UNEXPECTED, RANGE(201, 299)},

    /* a 200; a login page is told before the missing identity, which follows from it */
    {JA_CAUSE_ENCODED, STATUS(200), .also = is_encoded},
    {JA_CAUSE_LOGIN_PAGE, STATUS(200), .also = is_login_page},
    {JA_CAUSE_STRANGER_APP, OF_APP, STATUS(200), .also = lacks_identity},
    {JA_CAUSE_STRANGER, ANY_MEANS, STATUS(200), .also = lacks_identity},
    {JA_CAUSE_NOT_AN_IMAGE, STATUS(200), .also = is_no_image},
    {JA_CAUSE_CUT_IMAGE, STATUS(200), .also = is_cut},
    {JA_CAUSE_IMAGE, STATUS(200)},
    {JA_CAUSE_NO_STATUS, RANGE(0, 0)},
};

/* ---- reading them -------------------------------------------------------------------------- */

static bool has(unsigned bits, unsigned bit)
{
    return bits == 0 || (bits & BIT(bit)) != 0;
}

static bool is_there(where_t where, const ja_asked_t *asked)
{
    bool is_cloud = asked->kind == JA_SITE_CLOUD;

    switch (where) {
    case ON_DATACENTER:
        return !is_cloud;
    case ON_SITE:
        return is_cloud && !asked->gateway && !asked->alternative;
    case ON_GATEWAY:
        return asked->gateway;
    case ON_GATEWAY_ALONE:
        return asked->gateway && !asked->alternative;
    case ANYWHERE:
    default:
        return true;
    }
}

static bool says(const sign_t *sign, const case_t *it)
{
    return sign->word == NULL ||
           contains(sign->in_body ? body(it) : header(it, sign->header), sign->word);
}

static bool fits(const sign_t *sign, const case_t *it)
{
    const ja_asked_t *asked = it->asked;
    int status = it->answer->status;
    unsigned net = sign->net != 0 ? sign->net : BIT(JA_NET_OK);

    return has(net, it->answer->net) && has(sign->what, asked->what) &&
           has(sign->means, asked->means) && has(sign->grant, it->grant) &&
           is_there(sign->where, asked) &&
           (sign->last == 0 || (status >= sign->first && status <= sign->last)) && says(sign, it) &&
           (sign->also == NULL || sign->also(it));
}

static const sign_t *find(const case_t *it)
{
    const sign_t *sign = signs;

    while (sign < signs + sizeof(signs) / sizeof(signs[0]) - 1 && !fits(sign, it)) {
        sign++;
    }
    return sign; /* the last one fits what no other fits */
}

static ja_verdict_t diagnose(case_t *it)
{
    if (it->answer->net == JA_NET_OK && it->answer->status == 200) {
        it->proof = ja_image_prove(it->answer->body, body(it).len, &it->image);
    }
    const sign_t *sign = find(it);
    ja_verdict_t verdict = ja_diagnosis_of(sign->cause);

    if (sign->word != NULL) {
        verdict.seen = sign->word;
    } else if (verdict.outcome == JA_OUTCOME_CREDENTIAL_REFUSED &&
               contains(header(it, JA_HEADER_LOGIN_REASON), login_failed)) {
        verdict.seen = login_failed;
    }
    if (verdict.outcome == JA_OUTCOME_IMAGE) {
        verdict.image = it->image;
    }
    return verdict;
}

ja_verdict_t ja_diagnosis_of(ja_cause_t cause)
{
    return (ja_verdict_t){.outcome = ja_cause(cause)->outcome, .cause = cause, .seen = ""};
}

ja_verdict_t ja_diagnose(const ja_asked_t *asked, const ja_answer_t *answer)
{
    case_t it = {.asked = asked, .answer = answer, .grant = JA_GRANT_TROUBLE};

    return diagnose(&it);
}

ja_verdict_t ja_diagnose_grant(const ja_asked_t *asked, const ja_answer_t *answer,
                               const ja_grant_t *grant)
{
    case_t it = {.asked = asked, .answer = answer, .grant = grant->status};

    return diagnose(&it);
}

/* ---- words for it -------------------------------------------------------------------------- */

static const char *filled(ja_slice_t name, const ja_asked_t *asked)
{
    const struct {
        const char *name, *text, *otherwise;
    } rows[] = {
        {"account", asked->account, "the account"},
        {"host", asked->directive, "JiraAvatarSite"},
        {"scope", asked->scope, "that JiraAvatarCredential describes"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (ja_slice_is(name, rows[i].name)) {
            return rows[i].text != NULL && *rows[i].text != '\0' ? rows[i].text : rows[i].otherwise;
        }
    }
    return "";
}

void ja_diagnosis_remedy(ja_cause_t cause, const ja_asked_t *asked, ja_buf_t *out)
{
    ja_slice_t rest = ja_slice(ja_cause(cause)->remedy);

    while (rest.data != NULL) {
        ja_buf_add_slice(out, ja_text_piece(&rest, '{'));
        if (rest.data != NULL) {
            ja_buf_add(out, filled(ja_text_piece(&rest, '}'), asked));
        }
    }
}

void ja_diagnosis_cause(const ja_verdict_t *verdict, const ja_answer_t *answer, ja_buf_t *out)
{
    bool has_status = answer->status > 0;
    bool has_word = verdict->seen[0] != '\0';

    ja_buf_add(out, ja_cause(verdict->cause)->text);
    if (has_status || has_word) {
        ja_buf_add(out, " (");
        if (has_status) {
            ja_buf_add(out, "status ");
            ja_buf_add_number(out, (uint64_t)answer->status);
        }
        ja_buf_add(out, has_status && has_word ? ", " : "");
        ja_buf_add(out, verdict->seen);
        ja_buf_add(out, ")");
    }
    if (answer->detail[0] != '\0') {
        ja_buf_add(out, ": ");
        ja_buf_add(out, answer->detail);
    }
}
