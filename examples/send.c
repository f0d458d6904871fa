/* Sends one message and waits until a broker has it.  usage: send METASERVER SUBJECT TEXT */
#include <qmq/qmq.h>
#include <stdio.h>

static int give_up(qmq_error_t *error) {
    fprintf(stderr, "%s. %s\n", qmq_error_message(error), qmq_error_remedy(error));
    qmq_error_free(error);
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: send METASERVER SUBJECT TEXT\n");
        return 2;
    }
    qmq_error_t *error = NULL;
    qmq_client_options_t options;
    qmq_client_options_init(&options);
    options.metaserver = argv[1];
    options.app_code = "example";
    qmq_client_t *client = qmq_client_create(&options, &error);
    if (client == NULL) return give_up(error);
    qmq_producer_t *producer = qmq_producer_create(client, NULL, &error);
    qmq_message_t *message = qmq_message_create(client, argv[2], &error);
    if (error == NULL) qmq_message_set(message, "text", argv[3], &error);
    if (error == NULL) qmq_producer_send_wait(producer, message, 10000, &error);
    if (error == NULL) printf("sent %s\n", qmq_message_id(message));
    qmq_message_destroy(message);
    qmq_producer_destroy(producer, 1000);
    qmq_client_destroy(client);
    return error == NULL ? 0 : give_up(error);
}
