/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_realm: from the values of directives to a realm and its digest. */
#include "mod_jira_avatar_realm.h"

#include <string.h>

#include <apr_strings.h>

#include <openssl/evp.h>

/* OAuth access tokens of a Cloud site, which a bearer's are, are for the gateway only. An API token
 * does not show whether it has scopes, which is for the gateway, or none, which is for the site. */
static ja_route_t resolve_route(ja_route_t route, ja_site_kind_t kind, const ja_cred_t *cred)
{
    static const ja_route_t ways[JA_MEANS_COUNT] = {
        [JA_MEANS_NONE] = JA_ROUTE_SITE,       [JA_MEANS_PASSWORD] = JA_ROUTE_AUTO,
        [JA_MEANS_TOKEN] = JA_ROUTE_GATEWAY,   [JA_MEANS_CLIENT] = JA_ROUTE_GATEWAY,
        [JA_MEANS_REFRESH] = JA_ROUTE_GATEWAY, [JA_MEANS_ASSERTION] = JA_ROUTE_SITE,
        [JA_MEANS_SIGNATURE] = JA_ROUTE_SITE,
    };

    if (route != JA_ROUTE_AUTO) {
        return route;
    }
    return kind == JA_SITE_CLOUD ? ways[ja_cred_means(cred)] : JA_ROUTE_SITE;
}

static const char *realm_name(apr_pool_t *pool, const ja_realm_t *realm)
{
    const char *url = realm->site.base.url;
    const char *user = ja_cred_user(realm->cred);
    if (ja_cred_is_none(realm->cred)) {
        return url;
    }
    return *user ? apr_pstrcat(pool, url, " as ", user, NULL)
                 : apr_pstrcat(pool, url, " with ", ja_cred_kind_name(realm->cred), NULL);
}

static const char *text_or_none(const char *text)
{
    return text ? text : "none";
}

static void digest(const char *text, unsigned char digest[32])
{
    unsigned len = 0;
    if (EVP_Digest(text, strlen(text), digest, &len, EVP_sha256(), NULL) != 1) {
        /* Only without memory: then no realm may look like another. */
        apr_generate_random_bytes(digest, 32);
    }
}

/* A line cannot hold a newline, so neither can a value of the configuration. */
static const char *describe(apr_pool_t *pool, const ja_realm_t *realm, const ja_conf_t *conf)
{
    static const char *const routes[] = {[JA_ROUTE_AUTO] = "\nauto ",
                                         [JA_ROUTE_SITE] = "\nsite ",
                                         [JA_ROUTE_GATEWAY] = "\ngateway "};
    const ja_origin_t *token_url = conf->token_url.value;
    const ja_hosts_t *hosts = conf->public_hosts.value;
    const ja_site_t *site = &realm->site;
    const ja_network_t *net = &realm->network;
    return apr_pstrcat(
        pool, site->base.url, site->kind == JA_SITE_CLOUD ? "\ncloud" : "\ndatacenter",
        routes[site->route], site->gateway.url, "\n", text_or_none(site->cloud_id), "\n",
        ja_cred_describe(realm->cred), "\n", token_url ? token_url->url : "none", "\n",
        text_or_none(net->ca_file), "\n", text_or_none(net->client_cert), "\n",
        text_or_none(net->client_key), "\n", text_or_none(net->proxy), "\n",
        net->proxy_secret ? ja_secret_source(net->proxy_secret) : "none", "\n",
        strcmp(net->user_agent, JA_USER_AGENT) == 0 ? "" : net->user_agent, /* of any version */
        "\n", hosts ? hosts->text : "none", NULL);
}

/* ---- the token service ---------------------------------------------------------------------- */

/* Where access tokens come from; false if the kind has none, or they would travel unprotected. */
static bool find_token_service(apr_pool_t *pool, const ja_realm_t *realm,
                               const ja_origin_t *configured, ja_origin_t *service)
{
    const char *url = ja_cred_token_url(realm->cred, realm->site.kind == JA_SITE_CLOUD);
    if (!url) {
        return false;
    }
    if (configured) {
        *service = *configured;
    } else if (ja_origin_parse(
                   pool, *url == '/' ? apr_pstrcat(pool, realm->site.base.url, url, NULL) : url,
                   service) != NULL) {
        return false;
    }
    return strcmp(service->scheme, "https") == 0 || ja_conf_is_loopback(service->host);
}

/* A realm of its own: no connection to Jira carries what is said to the token service, and an
 * outage of one is not the other's. What decides the token decides the digest. */
static const ja_realm_t *make_token_realm(apr_pool_t *pool, const ja_realm_t *realm,
                                          const ja_origin_t *configured)
{
    ja_realm_t *made = apr_pcalloc(pool, sizeof(*made));
    *made = *realm;
    if (!find_token_service(pool, realm, configured, &made->site.base)) {
        return NULL;
    }
    made->id = -1;
    made->site.route = JA_ROUTE_SITE;
    made->name = apr_pstrcat(pool, made->site.base.url, " for ", realm->name, NULL);
    const char *tenant = ja_cred_is_cloud_only(realm->cred) ? realm->site.base.url : "any";
    digest(apr_pstrcat(pool, "token\n", made->site.base.url, "\n", ja_cred_describe(realm->cred),
                       "\n", tenant, NULL),
           made->digest);
    return made;
}

static ja_network_t network_of(const ja_conf_t *conf)
{
    static const ja_pem_t no_pem;
    static const ja_certificate_t no_pair;
    static const ja_proxy_t no_proxy;
    const ja_pem_t *ca = conf->ca_file.value ? conf->ca_file.value : &no_pem;
    const ja_certificate_t *pair = conf->certificate.value ? conf->certificate.value : &no_pair;
    const ja_proxy_t *proxy = conf->proxy.value ? conf->proxy.value : &no_proxy;
    return (ja_network_t){
        .ca_file = ca->path,
        .client_cert = pair->certificate.path,
        .client_key = pair->key.path,
        .ca_pem = ca->text,
        .cert_pem = pair->certificate.text,
        .key_pem = pair->key.text,
        .proxy = proxy->url,
        .proxy_secret = proxy->secret,
        .user_agent = conf->user_agent.value,
        .connect_ms = conf->connect_ms.value,
        .total_ms = conf->total_ms.value,
        .max_bytes = conf->max_bytes.value,
        .max_fetches = conf->max_fetches.value,
    };
}

/* Who is not Jira learns no more of us than any web server would: neither the credential nor the
 * client certificate, over connections of its own. */
static const ja_realm_t *make_outside(apr_pool_t *pool, const ja_realm_t *realm,
                                      const ja_hosts_t *hosts, const char *description)
{
    static const char *const none[] = {"none"};
    ja_realm_t *outside = apr_pcalloc(pool, sizeof(*outside));
    if (!hosts || ja_cred_parse(pool, 1, none, &outside->cred)) {
        return NULL;
    }
    outside->id = -1;
    outside->hosts = hosts;
    outside->site = (ja_site_t){
        .kind = realm->site.kind,
        .base = {.scheme = "https", .host = "", .port = 443, .path = "", .url = ""},
        .route = JA_ROUTE_SITE,
    };
    outside->network = realm->network;
    outside->network.client_cert = outside->network.client_key = NULL;
    outside->network.cert_pem = outside->network.key_pem = (ja_slice_t){NULL, 0};
    outside->name = apr_pstrcat(pool, "pictures outside of ", realm->site.base.url, NULL);
    digest(apr_pstrcat(pool, "outside\n", description, NULL), outside->digest);
    return outside;
}

ja_realm_t *ja_realm_make(apr_pool_t *pool, const ja_conf_t *conf)
{
    ja_realm_t *realm = apr_pcalloc(pool, sizeof(*realm));
    const ja_base_t *base = conf->site.value;
    realm->cred = conf->credential.value;
    realm->network = network_of(conf);
    realm->site = (ja_site_t){
        .kind = base->kind,
        .base = base->origin,
        .gateway = *conf->gateway.value,
        .route = resolve_route((ja_route_t)conf->route.value, base->kind, realm->cred),
        .cloud_id = conf->cloud_id.value,
    };
    realm->name = realm_name(pool, realm);
    const char *description = describe(pool, realm, conf);
    digest(description, realm->digest);
    realm->outside = make_outside(pool, realm, conf->public_hosts.value, description);
    realm->token = make_token_realm(pool, realm, conf->token_url.value);
    return realm;
}

bool ja_realm_same(const ja_realm_t *a, const ja_realm_t *b)
{
    const ja_network_t *m = &a->network;
    const ja_network_t *n = &b->network;
    return memcmp(a->digest, b->digest, sizeof(a->digest)) == 0 && m->connect_ms == n->connect_ms &&
           m->total_ms == n->total_ms && m->max_bytes == n->max_bytes &&
           m->max_fetches == n->max_fetches;
}
