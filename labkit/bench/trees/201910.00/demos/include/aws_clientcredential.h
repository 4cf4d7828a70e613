/*
 * Amazon FreeRTOS V201910.00: a small tree in that release's layout, written for this lab manual.
 * SPDX-License-Identifier: MIT
 *
 * Where the device connects to, and as what. Edit a value below, build, flash, reset.
 */

#ifndef __AWS_CLIENTCREDENTIAL__H__
#define __AWS_CLIENTCREDENTIAL__H__

/* The account's data endpoint: what `aws iot describe-endpoint --endpoint-type iot:Data-ATS`
 * prints, without https:// and without a port. */
#define clientcredentialMQTT_BROKER_ENDPOINT         ""

/* The thing's name. The device uses it as its MQTT client identifier. */
#define clientcredentialIOT_THING_NAME               ""

/* MQTT over TLS. */
#define clientcredentialMQTT_BROKER_PORT             8883

/* Not used by the hello world. */
#define clientcredentialGREENGRASS_DISCOVERY_PORT    8443

/* The wireless network; boards with a cable ignore it. A quote or a backslash in a value takes a
 * backslash before it, as in any C string. */
#define clientcredentialWIFI_SSID                    ""
#define clientcredentialWIFI_PASSWORD                ""

/* A bare name, no quotes: eWiFiSecurityOpen, eWiFiSecurityWEP, eWiFiSecurityWPA or
 * eWiFiSecurityWPA2. */
#define clientcredentialWIFI_SECURITY                eWiFiSecurityWPA2

#endif /* ifndef __AWS_CLIENTCREDENTIAL__H__ */
