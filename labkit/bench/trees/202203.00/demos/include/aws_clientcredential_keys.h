/*
 * FreeRTOS V202203.00: a small tree in that release's layout, written for this lab manual.
 * SPDX-License-Identifier: MIT
 *
 * What the device proves its identity with. For a lab only: a product's credentials are not
 * compiled in, and a private key belongs in a secure element.
 */

#ifndef AWS_CLIENT_CREDENTIAL_KEYS_H
#define AWS_CLIENT_CREDENTIAL_KEYS_H

/*
 * keyCLIENT_CERTIFICATE_PEM: the device's certificate, NULL until there is one. As PEM, one C
 * string a line, each ending in \n within the quotes, and a backslash after it:
 *
 * "-----BEGIN CERTIFICATE-----\n"\
 * "...base64 data...\n"\
 * "-----END CERTIFICATE-----\n"
 */
#ifndef keyCLIENT_CERTIFICATE_PEM
    #define keyCLIENT_CERTIFICATE_PEM    NULL
#endif

/*
 * keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM: the certificate of the authority that issued the one
 * above. Only for just-in-time registration and provisioning, where AWS IoT has to be told whose
 * device this is; NULL otherwise. The same form:
 *
 * "-----BEGIN CERTIFICATE-----\n"\
 * "...base64 data...\n"\
 * "-----END CERTIFICATE-----\n"
 */
#ifndef keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM
    #define keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM    NULL
#endif

/*
 * keyCLIENT_PRIVATE_KEY_PEM: leave NULL when the device makes its own key pair. Only Option 1,
 * import of a key pair, sets it, in the form of the two above:
 *
 * "-----BEGIN ...-----\n"\
 * "...base64 data...\n"\
 * "-----END ...-----\n"
 */
#ifndef keyCLIENT_PRIVATE_KEY_PEM
    #define keyCLIENT_PRIVATE_KEY_PEM    NULL
#endif

#endif /* AWS_CLIENT_CREDENTIAL_KEYS_H */
