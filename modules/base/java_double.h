/* Numbers as Java's Double.toString and the Prometheus client print them: "3.0", "1.5E7", "NaN", "+Inf". */
#ifndef QMQ_BASE_JAVA_DOUBLE_H
#define QMQ_BASE_JAVA_DOUBLE_H

#define JAVA_DOUBLE_SIZE 32

/* The shortest text that reads back as the same number; returns to. */
char *java_double_text(double value, char to[JAVA_DOUBLE_SIZE]);

#endif
