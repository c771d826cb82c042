/* SPDX-License-Identifier: Apache-2.0 */
/* ja_policy: rules that read an upstream answer, the strongest sign first, and their tables. */
#include "ja_policy.h"

const char *const ja_header_names[JA_HEADER_COUNT] = {
#define X(id, name) [JA_HEADER_##id] = name,
    JA_HEADERS(X)
#undef X
};

const ja_outcome_row_t *ja_policy_outcome(ja_outcome_t outcome)
{
    static const ja_outcome_row_t rows[JA_OUTCOME_COUNT] = {
#define X(id, name, status, keep, error, sentence)                                                 \
    [JA_OUTCOME_##id] = {name, status, keep, error, sentence},
        JA_OUTCOMES(X)
#undef X
    };
    bool known = (size_t)outcome < JA_OUTCOME_COUNT;
    return &rows[known ? outcome : JA_OUTCOME_INTERNAL];
}

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

static ja_slice_t header(const ja_answer_t *answer, ja_header_t id)
{
    return ja_slice_trim(ja_slice(answer->header[id]));
}

static ja_slice_t body(const ja_answer_t *answer)
{
    return (ja_slice_t){(const char *)answer->body, answer->body ? answer->body_len : 0};
}

static bool is_html(ja_slice_t text)
{
    static const char *const words[] = {"<html", "<!doctype html"};
    ja_slice_t start = ja_slice_trim(text);
    ja_text_take(&start, "\xef\xbb\xbf");
    return ja_text_take(&start, "<") && CONTAINS_ANY(cut(text, HTML_HEAD_MAX), words);
}

static bool is_login_page(ja_slice_t text)
{
    static const char *const words[] = {"login",          "log in",   "sign in",     "signin",
                                        "sign-in",        "password", "os_username", "samlrequest",
                                        "single sign-on", "/sso"};
    return is_html(text) && CONTAINS_ANY(text, words);
}

/* ---- findings ----------------------------------------------------------------------------- */

typedef struct finding_t {
    ja_outcome_t outcome;
    const char *cause;
    const char *remedy;
    const char *datacenter; /* the remedy there, if it is another; else NULL */
} finding_t;

#define NEW_TOKEN                                                                                  \
    "Make a new API token for this account (a token lives a year at most) and put it where the "   \
    "secret is read from. If the token has scopes, set JiraAvatarRoute gateway; if it has none, "  \
    "JiraAvatarRoute site."
#define NEW_TOKEN_DATACENTER                                                                       \
    "Correct the user and the password; or, if it is a personal access token, make a new one and " \
    "use it as JiraAvatarCredential bearer."
#define SOLVE_CAPTCHA                                                                              \
    "Log in once in a browser as this account and solve the CAPTCHA, or let an administrator "     \
    "reset its failed logins; then correct the secret. Until then Jira refuses even the right "    \
    "one."
#define LOGIN_IN_THE_WAY                                                                           \
    "Check the credential, and whether a single sign-on or a reverse proxy before Jira asks for "  \
    "a login of its own: it must let requests with an Authorization header through."
#define LOOK_BETWEEN                                                                               \
    "Look at what stands between this server and Jira: the address in JiraAvatarSite, a reverse "  \
    "proxy, a maintenance page."

/* ---- rule: the transport failed ----------------------------------------------------------- */

static const finding_t net_findings[] = {
    [JA_NET_DNS] = {JA_OUTCOME_NO_NAME, "the name of the site was not found",
                    "Check the host in JiraAvatarSite, and the name service of this machine.",
                    NULL},
    [JA_NET_CONNECT] = {JA_OUTCOME_NO_CONNECTION, "the connection was refused",
                        "Check the host and port in JiraAvatarSite, and that this server may "
                        "connect to it: firewall, SELinux (httpd_can_network_connect), "
                        "JiraAvatarProxy.",
                        NULL},
    [JA_NET_ADDRESS] = {JA_OUTCOME_REDIRECTED, "the host of the picture has no public address",
                        "If the host is one of your own, write its addresses behind its name in "
                        "JiraAvatarPublicHosts.",
                        NULL},
    [JA_NET_CONNECT_TIMEOUT] = {JA_OUTCOME_CONNECT_TIMEOUT, "no connection in time",
                                "Check that no firewall drops connections to the site; if there "
                                "is a way through a proxy only, set JiraAvatarProxy. If the site "
                                "is slow to connect, raise connect= in JiraAvatarTimeout.",
                                NULL},
    [JA_NET_TLS] = {JA_OUTCOME_TLS, "the TLS handshake failed",
                    "Check that the port speaks TLS 1.2 or later. If the site asks for a client "
                    "certificate, set JiraAvatarClientCertificate.",
                    NULL},
    [JA_NET_CERTIFICATE] = {JA_OUTCOME_CERTIFICATE, "the site's certificate was not accepted",
                            "If a private authority signed it, set JiraAvatarCAFile. Otherwise "
                            "the certificate has expired, or is for another name than the one in "
                            "JiraAvatarSite.",
                            NULL},
    [JA_NET_PROXY] = {JA_OUTCOME_NO_CONNECTION, "the outbound proxy refused the connection",
                      "Check the address and the secret of JiraAvatarProxy, and that the proxy "
                      "lets connections to the site through.",
                      NULL},
    [JA_NET_TIMEOUT] = {JA_OUTCOME_TIMEOUT, "no complete answer in time",
                        "If Jira is only slow, raise total= in JiraAvatarTimeout.", NULL},
    [JA_NET_TOO_LARGE] = {JA_OUTCOME_TOO_LARGE, "the answer is larger than JiraAvatarMaxBytes",
                          "If it is an avatar, raise JiraAvatarMaxBytes.", NULL},
    [JA_NET_HEADERS] = {JA_OUTCOME_BROKEN_PROTOCOL, "the header of the answer is too large",
                        LOOK_BETWEEN, NULL},
    [JA_NET_PROTOCOL] = {JA_OUTCOME_BROKEN_PROTOCOL, "the answer is not HTTP", LOOK_BETWEEN, NULL},
    [JA_NET_ABORTED] = {JA_OUTCOME_UNAVAILABLE, "this server is stopping", "", NULL},
    [JA_NET_INTERNAL] = {JA_OUTCOME_INTERNAL, "no memory or no file handle for the request",
                         "Check the memory and the open files that this server may have.", NULL},
};

static const finding_t *by_net(const ja_asked_t *asked, const ja_answer_t *answer)
{
    static const finding_t no_answer = {
        JA_OUTCOME_NO_CONNECTION, "the connection ended before an answer came", LOOK_BETWEEN, NULL};
    static const finding_t broken_off = {
        JA_OUTCOME_TRUNCATED, "the connection ended before the answer did", LOOK_BETWEEN, NULL};
    (void)asked;
    switch (answer->net) {
    case JA_NET_OK:
        return NULL;
    case JA_NET_BROKEN:
        return answer->status ? &broken_off : &no_answer;
    default:
        return &net_findings[answer->net];
    }
}

/* ---- rule: the credential was refused ----------------------------------------------------- */

/* Jira says these with any status, a 200 with the default avatar included. */
static const struct refusal_t {
    ja_header_t header;
    const char *word;
    finding_t finding;
} refusals[] = {
    {JA_HEADER_DENIED_REASON,
     "CAPTCHA",
     {JA_OUTCOME_CREDENTIAL_REFUSED, "X-Authentication-Denied-Reason: CAPTCHA", SOLVE_CAPTCHA,
      NULL}},
    {JA_HEADER_LOGIN_REASON,
     "AUTHENTICATION_DENIED",
     {JA_OUTCOME_CREDENTIAL_REFUSED, "X-Seraph-LoginReason: AUTHENTICATION_DENIED", SOLVE_CAPTCHA,
      NULL}},
    {JA_HEADER_LOGIN_REASON,
     "AUTHENTICATED_FAILED",
     {JA_OUTCOME_CREDENTIAL_REFUSED, "X-Seraph-LoginReason: AUTHENTICATED_FAILED", NEW_TOKEN,
      NEW_TOKEN_DATACENTER}},
    {JA_HEADER_LOGIN_REASON,
     "AUTHORISATION_FAILED",
     {JA_OUTCOME_CREDENTIAL_REFUSED, "X-Seraph-LoginReason: AUTHORISATION_FAILED",
      "The account may log in but not use Jira: give it access to the product.", NULL}},
};

bool ja_policy_lacks_scope(const ja_answer_t *answer)
{
    return answer->status == 401 && contains(body(answer), "scope does not match");
}

static const finding_t *by_refusal(const ja_asked_t *asked, const ja_answer_t *answer)
{
    static const finding_t scope = {
        JA_OUTCOME_CREDENTIAL_REFUSED, "401: the token lacks a scope",
        "Make a token with the scope read:jira-work (classic) or read:avatar:jira (granular).",
        NULL};
    static const finding_t unauthorized = {JA_OUTCOME_CREDENTIAL_REFUSED, "401: not accepted",
                                           NEW_TOKEN, NEW_TOKEN_DATACENTER};
    if (!asked->credential) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (contains(header(answer, refusals[i].header), refusals[i].word)) {
            return &refusals[i].finding;
        }
    }
    if (answer->status != 401) {
        return NULL;
    }
    return ja_policy_lacks_scope(answer) ? &scope : &unauthorized;
}

/* ---- rule: answered as to a stranger ------------------------------------------------------ */

static const finding_t *by_identity(const ja_asked_t *asked, const ja_answer_t *answer)
{
    static const finding_t anonymous = {
        JA_OUTCOME_ANONYMOUS, "X-AUSERNAME: anonymous", NEW_TOKEN,
        "Jira does not know the credential: a personal access token that has expired or was "
        "revoked is answered so. Make a new one and use it as JiraAvatarCredential bearer."};
    bool telling = answer->status == 200 || answer->status == 403 || answer->status == 404;
    bool stranger = ja_slice_is_nocase(header(answer, JA_HEADER_USERNAME), "anonymous");
    return asked->credential && asked->identity && telling && stranger ? &anonymous : NULL;
}

/* Cloud names the account in every answer to a credential that it accepted. Data Center's header
 * is often removed on the way, so that its absence proves nothing. */
static bool lacks_identity(const ja_asked_t *asked, const ja_answer_t *answer)
{
    return asked->credential && asked->identity && asked->kind == JA_SITE_CLOUD &&
           header(answer, JA_HEADER_ACCOUNT_ID).len == 0;
}

static bool has_identity(const ja_answer_t *answer)
{
    ja_slice_t name = header(answer, JA_HEADER_USERNAME);
    return header(answer, JA_HEADER_ACCOUNT_ID).len > 0 ||
           (name.len > 0 && !ja_slice_is_nocase(name, "anonymous"));
}

/* ---- rule: sent elsewhere ----------------------------------------------------------------- */

static const finding_t *by_redirect(const ja_asked_t *asked, const ja_answer_t *answer)
{
    static const char *const logins[] = {"login", "signin",  "os_destination", "id.atlassian.com",
                                         "saml",  "/oauth2", "/authorize",     "/adfs",
                                         "/sso",  "sso.",    "/oidc"};
    static const char *const pictures[] = {"gravatar.com/", "atl-paas.net/",
                                           "avatar-cdn.atlassian.com/"};
    static const finding_t login = {JA_OUTCOME_LOGIN_PAGE, "redirected to a login page",
                                    LOGIN_IN_THE_WAY, NULL};
    static const finding_t picture = {JA_OUTCOME_REDIRECTED,
                                      "redirected to a picture outside of Jira", "", NULL};
    static const finding_t elsewhere = {
        JA_OUTCOME_REDIRECTED, "redirected to another address",
        "If the site has moved, set JiraAvatarSite to the address that it redirects to.", NULL};
    ja_slice_t location = header(answer, JA_HEADER_LOCATION);
    (void)asked;
    if (answer->status < 300 || answer->status > 399) {
        return NULL;
    }
    if (CONTAINS_ANY(location, pictures)) {
        return &picture; /* its query may speak of logins */
    }
    return CONTAINS_ANY(location, logins) ? &login : &elsewhere;
}

/* ---- rule: forbidden ---------------------------------------------------------------------- */

#define BROWSE_PROJECTS                                                                            \
    "Give the account the permission Browse projects for the project; for an issue type, for a "   \
    "project that uses it."

/* Refusals of the credential that only the body of a 403 tells. */
static const struct forbidden_t {
    const char *word;
    finding_t finding;
} forbidden_bodies[] = {
    {"Basic Authentication has been disabled",
     {JA_OUTCOME_CREDENTIAL_REFUSED, "403: Basic authentication has been disabled",
      "Use JiraAvatarCredential bearer with a personal access token: Basic is off by default "
      "from Jira 11 on, and administrators may switch it off before.",
      NULL}},
    {"AUTHENTICATION_DENIED",
     {JA_OUTCOME_CREDENTIAL_REFUSED, "403: AUTHENTICATION_DENIED", SOLVE_CAPTCHA, NULL}},
};

static const finding_t *by_forbidden(const ja_asked_t *asked, const ja_answer_t *answer)
{
    static const finding_t page = {JA_OUTCOME_LOGIN_PAGE, "403 with a page instead of an answer",
                                   LOGIN_IN_THE_WAY, NULL};
    static const finding_t blocked = {
        JA_OUTCOME_FORBIDDEN, "403: Atlassian-DataSecurityPolicy: app_access_blocked",
        "An app access rule of the organisation keeps apps out of this project: let an "
        "administrator except this one.",
        NULL};
    static const finding_t no_credential = {JA_OUTCOME_FORBIDDEN,
                                            "403 to a request without a credential",
                                            "Set JiraAvatarCredential.", NULL};
    static const finding_t stranger = {
        JA_OUTCOME_FORBIDDEN, "403 without X-AACCOUNTID",
        BROWSE_PROJECTS " If it has it, the token may have expired: make a new one.", NULL};
    static const finding_t forbidden = {JA_OUTCOME_FORBIDDEN, "403", BROWSE_PROJECTS, NULL};
    if (answer->status != 403) {
        return NULL;
    }
    if (contains(header(answer, JA_HEADER_DATA_POLICY), "app_access_blocked")) {
        return &blocked;
    }
    if (!asked->credential) {
        return &no_credential;
    }
    for (size_t i = 0; i < sizeof forbidden_bodies / sizeof forbidden_bodies[0]; i++) {
        if (contains(body(answer), forbidden_bodies[i].word)) {
            return &forbidden_bodies[i].finding;
        }
    }
    if (is_html(body(answer)) && !has_identity(answer)) {
        return &page;
    }
    return lacks_identity(asked, answer) ? &stranger : &forbidden;
}

/* ---- rule: any other status --------------------------------------------------------------- */

#define CHECK_JIRA "If it stays so, look at Jira itself, and at what stands before it."

/* The first range that fits. */
static const struct status_t {
    int first;
    int last;
    finding_t finding;
} statuses[] = {
    {429,
     429,
     {JA_OUTCOME_RATE_LIMITED, "429: too many requests",
      "If it happens often, raise JiraAvatarMaxAge, or lower JiraAvatarMaxFetches.", NULL}},
    {503, 503, {JA_OUTCOME_UNAVAILABLE, "503: unavailable", CHECK_JIRA, NULL}},
    {504, 504, {JA_OUTCOME_TIMEOUT, "504: no answer behind the gateway", CHECK_JIRA, NULL}},
    {500, 599, {JA_OUTCOME_UPSTREAM_ERROR, "an error of the server, 5xx", CHECK_JIRA, NULL}},
    {400, 400, {JA_OUTCOME_NOT_FOUND, "400: not a valid request for Jira", "", NULL}},
    {401,
     401,
     {JA_OUTCOME_FORBIDDEN, "401 to a request without a credential", "Set JiraAvatarCredential.",
      NULL}},
    {404, 404, {JA_OUTCOME_NOT_FOUND, "404", "", NULL}},
    {407,
     407,
     {JA_OUTCOME_NO_CONNECTION, "407: the outbound proxy wants a login",
      "Give JiraAvatarProxy its secret.", NULL}},
    {410,
     410,
     {JA_OUTCOME_UPSTREAM_ERROR, "410: Jira has removed this address",
      "Look for a newer version of this module.", NULL}},
    {400, 499, {JA_OUTCOME_UPSTREAM_ERROR, "an unexpected status, 4xx", LOOK_BETWEEN, NULL}},
    {201, 299, {JA_OUTCOME_UPSTREAM_ERROR, "an unexpected status, 2xx", LOOK_BETWEEN, NULL}},
};

static const finding_t *by_status(const ja_asked_t *asked, const ja_answer_t *answer)
{
    static const finding_t hidden = {
        JA_OUTCOME_NOT_FOUND, "404 without X-AACCOUNTID",
        "If there is such an avatar, the token may have expired: Jira hides from a stranger what "
        "it has. " NEW_TOKEN,
        NULL};
    static const finding_t nonsense = {JA_OUTCOME_BROKEN_PROTOCOL, "the answer has no valid status",
                                       LOOK_BETWEEN, NULL};
    if (answer->status == 200) {
        return NULL;
    }
    if (answer->status == 404 && lacks_identity(asked, answer)) {
        return &hidden;
    }
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (answer->status >= statuses[i].first && answer->status <= statuses[i].last) {
            return &statuses[i].finding;
        }
    }
    return &nonsense;
}

/* ---- the content of a 200 ----------------------------------------------------------------- */

/* A login page is told before the missing identity: that follows from it and helps less. */
static const finding_t *by_content(const ja_asked_t *asked, const ja_answer_t *answer,
                                   ja_image_t *image)
{
    static const finding_t encoded = {
        JA_OUTCOME_ENCODED, "Content-Encoding, though none was asked for",
        "Let what stands before Jira compress only for those who accept it.", NULL};
    static const finding_t login = {JA_OUTCOME_LOGIN_PAGE, "200 with a login page",
                                    LOGIN_IN_THE_WAY, NULL};
    static const finding_t stranger = {JA_OUTCOME_ANONYMOUS, "200 without X-AACCOUNTID", NEW_TOKEN,
                                       NULL};
    static const finding_t proofs[] = {
        [JA_PROOF_IMAGE] = {JA_OUTCOME_IMAGE, "an image", "", NULL},
        [JA_PROOF_NOT_AN_IMAGE] = {JA_OUTCOME_NOT_AN_IMAGE, "200 with what is not an image",
                                   LOOK_BETWEEN, NULL},
        [JA_PROOF_TRUNCATED] = {JA_OUTCOME_TRUNCATED, "the image breaks off", LOOK_BETWEEN, NULL},
    };
    ja_slice_t encoding = header(answer, JA_HEADER_CONTENT_ENCODING);
    if (encoding.len > 0 && !ja_slice_is_nocase(encoding, "identity")) {
        return &encoded;
    }
    ja_proof_t proof = ja_image_prove(answer->body, body(answer).len, image);
    if (proof == JA_PROOF_NOT_AN_IMAGE && is_login_page(body(answer))) {
        return &login;
    }
    return lacks_identity(asked, answer) ? &stranger : &proofs[proof];
}

/* ---- all ---------------------------------------------------------------------------------- */

/* Strongest sign first; a rule that has nothing to say returns NULL. */
static const finding_t *(*const rules[])(const ja_asked_t *asked, const ja_answer_t *answer) = {
    by_net, by_refusal, by_identity, by_redirect, by_forbidden, by_status,
};

ja_verdict_t ja_policy_judge(const ja_asked_t *asked, const ja_answer_t *answer)
{
    const finding_t *found = NULL;
    ja_image_t image = {JA_IMAGE_NONE, 0, 0};
    for (size_t i = 0; !found && i < sizeof rules / sizeof rules[0]; i++) {
        found = rules[i](asked, answer);
    }
    if (!found) {
        found = by_content(asked, answer, &image);
    }
    if (found->outcome != JA_OUTCOME_IMAGE) {
        image = (ja_image_t){JA_IMAGE_NONE, 0, 0};
    }
    bool other = asked->kind == JA_SITE_DATACENTER && found->datacenter;
    return (ja_verdict_t){found->outcome, image, found->cause,
                          other ? found->datacenter : found->remedy};
}

/* ---- freshness ---------------------------------------------------------------------------- */

static int64_t at_least_zero(int64_t seconds)
{
    return seconds > 0 ? seconds : 0;
}

ja_freshness_t ja_policy_freshness(int64_t age, int64_t max_age, int64_t stale_age)
{
    age = at_least_zero(age);
    max_age = at_least_zero(max_age);
    if (age < max_age) {
        return JA_FRESH;
    }
    return age - max_age < at_least_zero(stale_age) ? JA_STALE : JA_EXPIRED;
}

static void add_seconds(ja_buf_t *out, const char *name, int64_t seconds)
{
    ja_buf_add(out, name);
    ja_buf_add_number(out, (uint64_t)at_least_zero(seconds));
}

static void add_max_age(ja_buf_t *out, bool is_public, int64_t seconds)
{
    add_seconds(out, is_public ? "public, max-age=" : "private, max-age=", seconds);
}

void ja_policy_cache_control(bool is_public, int64_t max_age, int64_t stale_age, ja_buf_t *out)
{
    add_max_age(out, is_public, max_age);
    if (stale_age > 0) {
        add_seconds(out, ", stale-while-revalidate=", stale_age);
        add_seconds(out, ", stale-if-error=", stale_age);
    }
}

void ja_policy_negative_cache_control(bool is_public, int64_t max_age, ja_buf_t *out)
{
    if (max_age > 0) {
        add_max_age(out, is_public, max_age);
    } else {
        ja_buf_add(out, "no-store");
    }
}
