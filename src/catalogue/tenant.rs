//! Tenants: whose rows there are, and by which names each is reached.
//!
//! The list of them is the one thing here that belongs to no tenant; who has it can get to each tenant's rows by [`Catalogue::of`].

use super::database::Row;
use super::host::Host;
use super::id::{base32, random};
use super::slug;
use super::statement::Statement;
use super::{Catalogue, Error, taken};
use media::time::WallTime;

/// An institution. Every statement on its tables is made from one, so that an unscoped one can't be written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tenant(String);

impl Tenant {
    /// As the tables hold it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the one of an installation that has only one, and of names that lead to no other.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Another tenant, which must exist in `tenants`.
    #[cfg(test)]
    pub(crate) fn other(id: &str) -> Self {
        Self(id.to_owned())
    }
}

/// The one tenant of an installation that has only one.
impl Default for Tenant {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

/// A tenant, as the list of all has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Whose rows.
    pub tenant: Tenant,
    /// What the institution is called.
    pub name: String,
    /// By which names it is reached; the first one is the one that mails and shared addresses name.
    pub hosts: Vec<Host>,
    /// Other sites that have to do with it.
    pub neighbours: Neighbours,
}

/// Other sites, as a policy of browsers names them, such as `https://*.example.org`; `None`: as the server is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// Their pages may show this tenant's players.
    pub embedders: Option<Vec<String>>,
    /// Their pages may stand beside this tenant's lives.
    pub tools: Option<Vec<String>>,
}

/// Of one kind; more is a mistake.
pub const MAX_SITES: usize = 32;
/// Of one, in bytes.
pub const MAX_SITE: usize = 300;

/// As they are kept. Who sets them has looked what they are: this is that no list can become another.
fn sites(field: &'static str, sites: &[String]) -> Result<String, Error> {
    let plain =
        |site: &String| site.len() <= MAX_SITE && site.bytes().all(|b| b.is_ascii_graphic() && !b";,'\"".contains(&b));
    if sites.len() > MAX_SITES || !sites.iter().all(plain) {
        return Err(Error::invalid(field, "must be at most 32 sites such as https://HOST"));
    }
    Ok(sites.join(" "))
}

/// Names of one tenant; more is a mistake.
const MAX_HOSTS: usize = 32;

fn neighbours(row: &Row) -> Result<Neighbours, Error> {
    let sites = |column| {
        let text: Option<String> = row.maybe_text(column)?;
        Ok::<_, Error>(text.map(|text| text.split_whitespace().map(str::to_owned).collect()))
    };
    Ok(Neighbours { embedders: sites("embedders")?, tools: sites("tools")? })
}

fn model(row: &Row) -> Result<Listed, Error> {
    let neighbours = neighbours(row)?;
    Ok(Listed { tenant: Tenant(row.text("id")?), name: row.text("title")?, hosts: Vec::new(), neighbours })
}

impl Catalogue {
    /// All tenants, the default one first, then the oldest. One small query: what it gives was so at one moment, and it may be asked every few
    /// seconds.
    ///
    /// # Errors
    /// `Database`.
    pub async fn tenants(&self) -> Result<Vec<Listed>, Error> {
        let statement = Statement::of_all(
            "SELECT t.id, t.title, t.embedders, t.tools, h.host FROM tenants t \
             LEFT JOIN tenant_hosts h ON h.tenant_id = t.id ORDER BY t.created_ms, t.id, h.position",
        );
        let mut all: Vec<Listed> = Vec::new();
        for row in self.database.rows(statement).await? {
            let of = row.text("id")?;
            if all.last().is_none_or(|listed| listed.tenant.as_str() != of) {
                all.push(model(&row)?);
            }
            // One without names has a row, too.
            if let (Some(listed), Some(_)) = (all.last_mut(), row.maybe_text("host")?) {
                listed.hosts.push(row.parsed("host")?);
            }
        }
        // As old as the installation, and so is whoever was added in that moment.
        all.sort_by_key(|listed| !listed.tenant.is_default());
        Ok(all)
    }

    /// One more tenant, with nothing in it. A server that runs sees it within seconds.
    ///
    /// # Errors
    /// `Invalid`, `Taken("host")` by another tenant, `Secret`, `Database`.
    pub async fn add_tenant(&self, name: &str, hosts: &[Host], now: WallTime) -> Result<Tenant, Error> {
        let tenant = Tenant(base32(&random::<10>()?));
        let add = Statement::of_all("INSERT INTO tenants (id, title, created_ms) VALUES ($1, $2, $3)")
            .bind(tenant.as_str())
            .bind(slug::title("name", name)?)
            .bind(now.millis());
        let theirs = self.of(tenant.clone());
        let mut tx = self.database.begin().await?;
        tx.execute(add).await?;
        for statement in theirs.hosts(hosts)? {
            taken(tx.execute(statement).await, "host")?;
        }
        tx.commit().await?;
        Ok(tenant)
    }

    /// By which names this tenant is reached, all of them. A server that runs sees it within seconds.
    ///
    /// # Errors
    /// `Invalid`, `Taken("host")` by another tenant, `Database`.
    pub async fn set_hosts(&self, hosts: &[Host]) -> Result<(), Error> {
        let statements = self.hosts(hosts)?;
        let mut tx = self.database.begin().await?;
        for statement in statements {
            taken(tx.execute(statement).await, "host")?;
        }
        tx.commit().await
    }

    /// Which other sites have to do with this tenant.
    ///
    /// # Errors
    /// `NotFound` without the tenant, `Database`.
    pub async fn neighbours(&self) -> Result<Neighbours, Error> {
        let statement = self.statement("SELECT embedders, tools FROM tenants WHERE id = $1");
        neighbours(&self.database.row(statement).await?.ok_or(Error::NotFound("tenant"))?)
    }

    /// Says which other sites have to do with this tenant. A server that runs sees it within seconds.
    ///
    /// # Errors
    /// `Invalid`, `NotFound` without the tenant, `Database`.
    pub async fn set_neighbours(&self, neighbours: &Neighbours) -> Result<(), Error> {
        let text = |field, list: &Option<Vec<String>>| list.as_deref().map(|list| sites(field, list)).transpose();
        let statement = self
            .statement("UPDATE tenants")
            .push_bind(" SET embedders = ", text("embedders", &neighbours.embedders)?)
            .push_bind(", tools = ", text("tools", &neighbours.tools)?)
            .push(" WHERE id = $1");
        match self.database.execute(statement).await? {
            0 => Err(Error::NotFound("tenant")),
            _ => Ok(()),
        }
    }

    fn hosts(&self, hosts: &[Host]) -> Result<Vec<Statement>, Error> {
        if hosts.len() > MAX_HOSTS {
            return Err(Error::invalid("host", "at most 32 names"));
        }
        let mut statements = vec![self.statement("DELETE FROM tenant_hosts WHERE tenant_id = $1")];
        for (host, position) in hosts.iter().zip(0_i64..) {
            let statement = self
                .statement("INSERT INTO tenant_hosts (tenant_id, host, position) VALUES ($1, $2, $3)")
                .bind(host.as_str())
                .bind(position);
            statements.push(statement);
        }
        Ok(statements)
    }
}
