/* Prints the texts of a subject until the standard input ends.  usage: consume METASERVER SUBJECT GROUP */
#include <qmq/qmq.h>
#include <stdio.h>

static qmq_verdict_t print(void *arg, qmq_message_t *message) {
    (void)arg;
    const char *text = qmq_message_get(message, "text");
    printf("%s\n", text == NULL ? "(no text)" : text);
    return fflush(stdout) == 0 ? QMQ_DONE : QMQ_RETRY;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: consume METASERVER SUBJECT GROUP\n");
        return 2;
    }
    qmq_error_t *error = NULL;
    qmq_client_options_t options;
    qmq_consumer_options_t consuming;
    qmq_client_options_init(&options);
    qmq_consumer_options_init(&consuming);
    options.metaserver = argv[1];
    consuming.group = argv[3];
    qmq_client_t *client = qmq_client_create(&options, &error);
    qmq_consumer_t *consumer = client == NULL ? NULL : qmq_consumer_start(client, argv[2], &consuming, print, NULL, &error);
    if (consumer != NULL && qmq_consumer_ready(consumer, 10000, &error) == QMQ_OK) {
        fprintf(stderr, "waiting for messages of %s\n", argv[2]);
        while (getchar() != EOF) continue;
    }
    qmq_consumer_stop(consumer, 5000);
    qmq_client_destroy(client);
    if (error != NULL) fprintf(stderr, "%s. %s\n", qmq_error_message(error), qmq_error_remedy(error));
    int code = error == NULL ? 0 : 1;
    qmq_error_free(error);
    return code;
}
