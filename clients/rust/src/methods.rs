//! The methods of both clients, from one table: the same names, arguments and replies.

/// Hands the table of the commands to a macro that makes methods of them.
macro_rules! for_each_command {
    ($make:ident) => {
        $make! {
            admit(key: impl AsRef<[u8]>, ask: &Ask) -> Admission;
            peek(key: impl AsRef<[u8]>, ask: &Ask) -> Admission;
            explain(key: impl AsRef<[u8]>, ask: &Ask) -> Explanation;
            spend(key: impl AsRef<[u8]>, amount: Money, charge: &Charge) -> MoneyReply;
            void(key: impl AsRef<[u8]>, id: impl AsRef<[u8]>) -> MoneyReply;
            extend(key: impl AsRef<[u8]>, id: impl AsRef<[u8]>, ttl_ms: u64) -> MoneyReply;
            topup(key: impl AsRef<[u8]>, amount: Money, credit: &Credit) -> MoneyReply;
            refund(key: impl AsRef<[u8]>, amount: Money, id: impl AsRef<[u8]>) -> MoneyReply;
            invoice(key: impl AsRef<[u8]>, invoice: impl AsRef<[u8]>, became: Invoice) -> MoneyReply;
            set(key: impl AsRef<[u8]>, fields: &Fields) -> MoneyReply;
            suspend(key: impl AsRef<[u8]>, reason: impl AsRef<[u8]>) -> MoneyReply;
            resume(key: impl AsRef<[u8]>) -> MoneyReply;
            limit(key: impl AsRef<[u8]>, name: impl AsRef<[u8]>, change: Change) -> Limit;
            reserve(key: impl AsRef<[u8]>, id: impl AsRef<[u8]>, quotas: &Quotas) -> Reservation;
            renew(key: impl AsRef<[u8]>, id: impl AsRef<[u8]>, renewal: impl Into<Renewal>) -> Reservation;
            release(key: impl AsRef<[u8]>, id: impl AsRef<[u8]>, token: impl Into<Option<u64>>) -> bool;
            sync(key: impl AsRef<[u8]>, upto_token: u64, ids: impl IntoIterator<Item = impl AsRef<[u8]>>) -> u64;
            get(key: impl AsRef<[u8]>) -> Option<Account>;
            quotas(key: impl AsRef<[u8]>) -> Option<Vec<Limit>>;
            quota(key: impl AsRef<[u8]>, name: impl AsRef<[u8]>) -> Option<Limit>;
            holds(key: impl AsRef<[u8]>, most: impl Into<Option<u64>>) -> Option<Vec<OpenHold>>;
            leases(key: impl AsRef<[u8]>, most: impl Into<Option<u64>>) -> Option<Vec<HeldLease>>;
            log(key: impl AsRef<[u8]>, most: impl Into<Option<u64>>) -> Option<Vec<LogEntry>>;
            tiers() -> Vec<Tier>;
        }
    };
}
pub(crate) use for_each_command;
