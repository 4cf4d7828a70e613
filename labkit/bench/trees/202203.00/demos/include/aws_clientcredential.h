/*
 * FreeRTOS V202203.00: a small tree in that release's layout, written for this lab manual.
 * SPDX-License-Identifier: MIT
 *
 * Where the device connects to, and as what. Edit a value below, build, flash, reset.
 */

#ifndef __AWS_CLIENTCREDENTIAL__H__
#define __AWS_CLIENTCREDENTIAL__H__

/* The account's data endpoint: what `aws iot describe-endpoint --endpoint-type iot:Data-ATS`
 * prints, without https:// and without a port. */
#ifndef clientcredentialMQTT_BROKER_ENDPOINT
    #define clientcredentialMQTT_BROKER_ENDPOINT    ""
#endif

/* The thing's name. The device uses it as its MQTT client identifier. */
#ifndef clientcredentialIOT_THING_NAME
    #define clientcredentialIOT_THING_NAME    ""
#endif

/* MQTT over TLS. */
#ifndef clientcredentialMQTT_BROKER_PORT
    #define clientcredentialMQTT_BROKER_PORT    8883
#endif

/* Not used by the hello world. */
#ifndef clientcredentialGREENGRASS_DISCOVERY_PORT
    #define clientcredentialGREENGRASS_DISCOVERY_PORT    8443
#endif

/* The wireless network; boards with a cable ignore it. A quote or a backslash in a value takes a
 * backslash before it, as in any C string. */
#ifndef clientcredentialWIFI_SSID
    #define clientcredentialWIFI_SSID    ""
#endif

#ifndef clientcredentialWIFI_PASSWORD
    #define clientcredentialWIFI_PASSWORD    ""
#endif

/* A bare name, no quotes: eWiFiSecurityOpen, eWiFiSecurityWEP, eWiFiSecurityWPA,
 * eWiFiSecurityWPA2, eWiFiSecurityWPA2_ent or eWiFiSecurityWPA3. */
#ifndef clientcredentialWIFI_SECURITY
    #define clientcredentialWIFI_SECURITY    eWiFiSecurityWPA2
#endif

#endif /* ifndef __AWS_CLIENTCREDENTIAL__H__ */
