#include "metaserver/metaserver.h"

#define METASERVER "metaserver.properties"
#define DATASOURCE "datasource.properties"

const config_key_t metaserver_keys[] = {
    {METASERVER, "meta.server.port", CONFIG_INT, "20880", 0, 65535, false,
     "TCP port of clients and brokers, also told by /meta/address; 0 takes any free one."},
    {METASERVER, "meta.server.discover.port", CONFIG_INT, "8080", 0, 65535, false,
     "HTTP port of discovery and management; 0 takes any free one."},
    {METASERVER, "min.group.num", CONFIG_INT, "2", 1, 1000, true, "Broker groups a subject is given."},
    {METASERVER, "heartbeat.timeout.ms", CONFIG_INT, "30000", 1, 86400000, true,
     "Milliseconds without a heartbeat after which a broker group goes off line."},
    {METASERVER, "refresh.period.seconds", CONFIG_INT, "5", 1, 3600, false, "Seconds between two readings of the database."},
    {METASERVER, "refresh.full.period.seconds", CONFIG_INT, "60", 0, 86400, false,
     "Seconds between two readings of all routes; in between only those that have changed are read. 0 reads all of them each time."},
    {METASERVER, "meta.server.load.balance", CONFIG_STRING, "random", 0, 0, false,
     "How groups are chosen for a new subject; random is the only way."},
    {METASERVER, "client.register.queue.max", CONFIG_INT, "100000", 1, 10000000, false,
     "Client registrations that may wait for the database at a time; further ones are answered from what is known."},
    {METASERVER, "client.rows.queue.max", CONFIG_INT, "100000", 1, 10000000, false,
     "Rows of client_meta_info that may wait for the database at a time."},
    {METASERVER, "client.rows.keep.days", CONFIG_INT, "0", 0, 36500, false,
     "Days after which rows of client_meta_info whose clients were not seen are deleted, when every metaserver of the database has this "
     "key; 0 keeps them."},
    {METASERVER, "connections.max", CONFIG_INT, "50000", 1, 1000000, false, "Connections a port accepts at a time."},
    {METASERVER, "meta.server.requests.max", CONFIG_INT, "50000", 0, 10000000, false,
     "Requests an address may send to the TCP port a second (what a broker asks when it starts counts as 50); who sends more is read "
     "more slowly, nothing is lost. 0 is any number."},
    {METASERVER, "io.loops", CONFIG_INT, "0", 0, 256, false, "Threads that serve connections; 0 is one a core."},
    {METASERVER, "meta.server.discover.tls.port", CONFIG_INT, "-1", -1, 65535, false,
     "HTTPS port of discovery and management, beside the plain one; -1 opens none, 0 takes any free one."},
    {METASERVER, "meta.server.discover.tls.certificate", CONFIG_PATH, NULL, 0, 0, false,
     "PEM file with the certificate of the HTTPS port and those who signed it."},
    {METASERVER, "meta.server.discover.tls.key", CONFIG_PATH, NULL, 0, 0, false,
     "PEM file with the private key of the certificate, without a passphrase."},
    {METASERVER, "meta.server.discover.requests.max", CONFIG_INT, "5000", 0, 1000000, false,
     "HTTP requests an address may send a second, further ones are answered 429; 0 is any number."},
    {METASERVER, "subjects.max", CONFIG_INT, "1000000", 1, 100000000, false,
     "Routes of subjects there may be; what clients ask for beyond them gets none."},
    {METASERVER, "meta.server.onoffline.token", CONFIG_BOOL, "false", 0, 0, false, "Whether /onoffline needs an API token too."},
    {METASERVER, "meta.server.internal.token", CONFIG_STRING, NULL, 0, 0, false,
     "One more API token, of the process that starts this server; unset: none."},
    {DATASOURCE, "jdbc.driverClassName", CONFIG_STRING, NULL, 0, 0, false, "Accepted for compatibility; the driver follows from jdbc.url."},
    {DATASOURCE, "jdbc.url", CONFIG_STRING, NULL, 0, 0, false,
     "Database: jdbc:sqlite:<file> (a relative file counts from the home directory) or jdbc:mysql://<host>:<port>/<database>, which knows "
     "connectTimeout (2000) and socketTimeout (5000) in ms, useSSL, sslMode, serverSslCert, "
     "serverRSAPublicKeyFile, useAffectedRows; unset: "
     "jdbc:sqlite:data/meta.db."},
    {DATASOURCE, "jdbc.username", CONFIG_STRING, NULL, 0, 0, false, "User of the database."},
    {DATASOURCE, "jdbc.password", CONFIG_STRING, NULL, 0, 0, false, "Password of the user."},
    {DATASOURCE, "pool.size.max", CONFIG_INT, "10", 1, 1000, false, "Connections to the database; of those to MySQL a third write."},
    {NULL, NULL, CONFIG_STRING, NULL, 0, 0, false, NULL}};
