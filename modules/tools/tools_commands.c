#include "tools/tools.h"

#include <stddef.h>

#define END                                                                                                                                \
    { NULL, NULL, OPTION_OPTIONAL, NULL, false, NULL }
#define REQUIRED(name, text)                                                                                                               \
    { name, name, OPTION_REQUIRED, NULL, false, text }
#define REQUIRED_INTEGER(name, text)                                                                                                       \
    { name, name, OPTION_REQUIRED, NULL, true, text }
#define DEFAULTED(name, value, text)                                                                                                       \
    { name, name, OPTION_OPTIONAL, value, false, text }

const tool_option_t tool_option_metaserver = {"metaserver",
                                              NULL,
                                              OPTION_REQUIRED,
                                              NULL,
                                              false,
                                              "host:port of the metaserver's discovery port (8080 unless configured otherwise; without a "
                                              "port 80 is used), else the environment's QMQ_METASERVER"};
const tool_option_t tool_option_token = {"token", NULL,  OPTION_REQUIRED,
                                         NULL,    false, "API token, one of the metaserver's conf/valid-api-tokens.properties"};

static const tool_option_t no_options[] = {END};
static const tool_option_t broker_options[] = {
    REQUIRED("brokerGroup", "broker group, the brokers with the same messages"),
    REQUIRED("role", "0 master, 1 slave, 4 backup, 5 delay master, 6 delay slave, 7 delay backup"),
    REQUIRED("hostname", "host name the broker reports (its --host, else that of its machine)"),
    REQUIRED("ip", "IPv4 address clients and brokers reach it at"),
    REQUIRED_INTEGER("servePort", "port of the clients, broker.port of the broker"),
    REQUIRED_INTEGER("syncPort", "port of replication, sync.port of the broker; not used for backups"),
    END};
static const tool_option_t list_brokers_options[] = {DEFAULTED("brokerGroup", "", "only the brokers of this group"), END};
static const tool_option_t new_subject_options[] = {REQUIRED("subject", "subject"), REQUIRED("tag", "tag of the broker groups it is given"),
                                                    END};
static const tool_option_t subject_group_options[] = {REQUIRED("brokerGroup", "broker group"), REQUIRED("subject", "subject"), END};
static const tool_option_t remove_group_options[] = {REQUIRED("brokerGroup", "broker group"), REQUIRED("subject", "subject, * for all"),
                                                     END};
static const tool_option_t extend_options[] = {REQUIRED("relatedSubject", "subject, * for all"),
                                               REQUIRED("relatedBrokerGroup", "only subjects that have this broker group"),
                                               REQUIRED("newBrokerGroup", "broker group they are given too"), END};
static const tool_option_t mark_options[] = {REQUIRED("brokerGroup", "broker group"), DEFAULTED("subject", "*", "subject, * for all"), END};
static const tool_option_t add_db_options[] = {DEFAULTED("type", "mmm", "kind of database"),
                                               REQUIRED("host", "host of the database"),
                                               REQUIRED_INTEGER("port", "port of the database"),
                                               REQUIRED("username", "user of the database"),
                                               REQUIRED("password", "password of the user"),
                                               DEFAULTED("room", "default", "room whose watchdog looks after it"),
                                               END};
static const tool_option_t reset_options[] = {REQUIRED("subject", "subject"),
                                              REQUIRED("group", "consumer group"),
                                              {"action", "code", OPTION_REQUIRED, NULL, true, "LATEST=1, EARLIEST=2"},
                                              END};

static const tool_option_t query_route_options[] = {REQUIRED("subject", "subject"), END};
static const tool_option_t consumers_options[] = {REQUIRED("subject", "subject, retry subjects with their prefix"), END};
static const tool_option_t onoffline_options[] = {
    DEFAULTED("operation", "update", "update, or query for what is stored"),
    REQUIRED("clientId", "consumer as ListConsumers tells it, * for all of the group"),
    REQUIRED("subject", "subject; * together with --group=* for all of a consumer"),
    {"group", "consumerGroup", OPTION_REQUIRED, NULL, false, "consumer group"},
    {"state", "state", OPTION_OPTIONAL, "0", true, "0 on line, 1 off line; not used by query"},
    {"token", NULL, OPTION_OPTIONAL, NULL, false, "API token, for a metaserver that wants one here"},
    END};
static const tool_option_t group_tag_options[] = {
    REQUIRED("brokerGroup", "broker group"), REQUIRED("tag", "tag, empty for none; subjects with this tag are given groups with it only"),
    END};
static const tool_option_t group_ext_options[] = {REQUIRED("brokerGroup", "broker group"),
                                                  REQUIRED("ext", "JSON object of texts, shown by ListBrokerGroups"), END};
static const tool_option_t swap_options[] = {REQUIRED("brokerGroup", "broker group whose master and slave change places"), END};
static const tool_option_t doctor_options[] = {
    {"home", NULL, OPTION_OPTIONAL, NULL, false, "home directory of a server of this machine: its conf/ says what is checked"},
    {"server", NULL, OPTION_OPTIONAL, "broker", false, "kind of that server: broker, delay or backup"},
    {"hostname", NULL, OPTION_OPTIONAL, NULL, false, "host name the server reports, else this machine's"},
    {"ip", NULL, OPTION_OPTIONAL, NULL, false, "address the server tells, else this machine's"},
    {"servePort", NULL, OPTION_OPTIONAL, NULL, true, "its broker.port"},
    {"syncPort", NULL, OPTION_OPTIONAL, NULL, true, "its sync.port"},
    {"endpoint", NULL, OPTION_OPTIONAL, NULL, false, "its meta.server.endpoint"},
    {"metaserver", NULL, OPTION_OPTIONAL, NULL, false, "host:port of the metaserver, when neither --home nor --endpoint tells it"},
    END};

const tool_command_t tool_commands[] = {
    {"AddBroker", "AddBroker", "Registers a broker, which must be done before it starts.", true, false, broker_options, NULL},
    {"ReplaceBroker", "ReplaceBroker", "Gives the place of a broker (group and role) to another machine.", true, false, broker_options,
     NULL},
    {"ListBrokers", "ListBrokers", "Lists the registered brokers.", false, false, list_brokers_options, NULL},
    {"ListBrokerGroups", "ListBrokerGroups", "Lists the broker groups with address and state.", false, true, no_options, NULL},
    {"ListSubjectRoutes", "ListSubjectRoutes", "Lists the broker groups of all subjects.", false, true, no_options, NULL},
    {"AddNewSubject", "AddNewSubject", "Makes a subject that is given groups with a tag only.", true, false, new_subject_options, NULL},
    {"AddSubjectBrokerGroup", "AddSubjectBrokerGroup", "Gives a subject one more broker group.", true, false, subject_group_options, NULL},
    {"RemoveSubjectBrokerGroup", "RemoveSubjectBrokerGroup", "Takes a broker group from a subject or from all.", true, true,
     remove_group_options, NULL},
    {"ExtendSubjectRoute", "ExtendSubjectRoute", "Gives subjects that have one broker group another one too.", true, true, extend_options,
     NULL},
    {"MarkReadonly", "MarkReadonlyBrokerGroup", "Hides a broker group from producers.", true, false, mark_options, NULL},
    {"UnMarkReadonly", "UnMarkReadonlyBrokerGroup", "Shows a broker group to producers again.", true, false, mark_options, NULL},
    {"AddDb", "AddDb", "Adds a business database whose unsent messages the watchdog sends.", true, false, add_db_options, NULL},
    {"ResetOffset", "ResetOffset", "Moves a consumer group to the first or behind the last message of a subject.", true, true,
     reset_options, NULL},
    {"QuerySubjectRoute", "QuerySubjectRoute", "Shows the broker groups of one subject.", false, false, query_route_options, NULL},
    {"ListConsumers", "/subject/consumers", "Lists the consumers that have ever registered for a subject.", false, false, consumers_options,
     NULL},
    {"Onoffline", "/onoffline", "Switches consumers on or off, or asks whether they are.", false, false, onoffline_options, NULL},
    {"SwapBroker", "SwapBroker", "Exchanges master and slave of a broker group; stop both before, start both behind it.", true, false,
     swap_options, NULL},
    {"SetBrokerGroupTag", "SetBrokerGroupTag", "Gives a broker group a tag.", true, false, group_tag_options, NULL},
    {"SetBrokerGroupExt", "SetBrokerGroupExt", "Notes something about a broker group.", true, false, group_ext_options, NULL},
    {"Doctor", NULL, "Looks for the known mistakes in configuration and registration, and says how to mend them.", false, true,
     doctor_options, tool_doctor},
    {NULL, NULL, NULL, false, false, NULL, NULL}};

const tool_option_t *tool_option_at(const tool_command_t *command, size_t i) {
    size_t own = 0;
    while (command->options[own].name != NULL) own++;
    if (i < own) return &command->options[i];
    if (command->run != NULL) return NULL; /* it has its own */
    if (i == own) return &tool_option_metaserver;
    return i == own + 1 && command->token ? &tool_option_token : NULL;
}
